import { expect, test } from "vitest";
import { targetRadii, type Spot } from "./targets";

test("a small node alone has a target that can be hit, a large one its own size", () => {
  expect(
    targetRadii([
      { x: 0, y: 0, r: 3 },
      { x: 200, y: 0, r: 40 },
    ]),
  ).toEqual([9, 40]);
});

test("a large node beside a small one stays whole where they do not overlap", () => {
  const [large, small] = targetRadii([
    { x: 0, y: 0, r: 30 },
    { x: 36, y: 0, r: 4 },
  ]);
  expect(large).toBe(30);
  expect(small).toBe(6);
});

test("no target reaches the center of another, however dense the words stand", () => {
  const spots: Spot[] = Array.from({ length: 300 }, (_, i) => ({
    x: 7 * (i % 20) + (i % 3),
    y: 6 * Math.floor(i / 20),
    r: 3 + (i % 8),
  }));
  const radii = targetRadii(spots);
  let covered = 0;
  spots.forEach((one, i) => {
    spots.forEach((other, j) => {
      if (i === j) return;
      if (Math.hypot(one.x - other.x, one.y - other.y) <= radii[i]) covered += 1;
    });
  });
  expect(covered).toBe(0);
});
