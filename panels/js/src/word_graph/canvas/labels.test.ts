import { expect, test } from "vitest";
import { placeLabels, type LabelRequest } from "./labels";

const at = (x: number, y: number, part: Partial<LabelRequest> = {}): LabelRequest => ({
  x,
  y,
  r: 8,
  width: 40,
  height: 14,
  must: false,
  room: part.r ?? 8,
  ...part,
});

function overlaps(requests: LabelRequest[]): number {
  const boxes = placeLabels(requests).flatMap((place, i) =>
    place ? [{ ...place, width: requests[i].width, height: requests[i].height }] : [],
  );
  let count = 0;
  boxes.forEach((one, i) =>
    boxes.slice(i + 1).forEach((other) => {
      const wide = (one.width + other.width) / 2;
      const high = (one.height + other.height) / 2;
      if (Math.abs(one.x - other.x) < wide - 0.01 && Math.abs(one.y - other.y) < high - 0.01) {
        count += 1;
      }
    }),
  );
  return count;
}

test("a label stands on a node that is large enough, else beside it", () => {
  expect(placeLabels([at(200, 9, { r: 30 })])[0]).toEqual({ x: 200, y: 9, inside: true });
  expect(placeLabels([at(200, 9)])[0]).toEqual({ x: 231, y: 9, inside: false });
});

test("a label stays on the panel", () => {
  expect(placeLabels([at(290, 50)], 300)[0]?.x).toBe(259);
  expect(placeLabels([at(5, 50)], 300)[0]?.x).toBe(36);
});

test("a ring makes no room for a label", () => {
  expect(placeLabels([at(0, 0, { r: 26, room: 20 })])[0]?.inside).toBe(false);
});

test("no label covers another one", () => {
  const random = lcg();
  const crowd = Array.from({ length: 300 }, () =>
    at(random() * 600, random() * 400, { width: 20 + random() * 50, r: 4 + random() * 20 }),
  );
  expect(overlaps(crowd)).toBe(0);
  expect(placeLabels(crowd).filter(Boolean).length).toBeGreaterThan(40);
});

test("a label keeps off the nodes while there is a free side", () => {
  const [place] = placeLabels([at(200, 0), at(231, 0, { width: 5 })]);
  expect(place?.x).toBe(169);
});

test("the first label has the place, a word that must be read has one in any case", () => {
  const crowd = Array.from({ length: 12 }, () => at(0, 0));
  const places = placeLabels(crowd);
  expect(places[0]).not.toBeNull();
  expect(places.filter(Boolean).length).toBeLessThan(12);
  expect(placeLabels([...crowd, at(0, 0, { must: true })])[12]).not.toBeNull();
});

function lcg(): () => number {
  let state = 1;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}
