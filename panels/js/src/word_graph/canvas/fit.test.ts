import { expect, test } from "vitest";
import { fitTransform } from "./fit";

const SIZE = { width: 400, height: 200 };

test("all nodes are shown, in the middle", () => {
  const bodies = [
    { x: -500, y: 10, r: 20 },
    { x: 300, y: 90, r: 5 },
  ];
  const fit = fitTransform(bodies, SIZE);
  for (const { x, y, r } of bodies) {
    const k = fit?.k ?? NaN;
    expect(x * k + (fit?.x ?? NaN) - r * k).toBeGreaterThan(0);
    expect(x * k + (fit?.x ?? NaN) + r * k).toBeLessThan(SIZE.width);
    expect(y * k + (fit?.y ?? NaN) - r * k).toBeGreaterThan(0);
    expect(y * k + (fit?.y ?? NaN) + r * k).toBeLessThan(SIZE.height);
  }
});

test("one node is not blown up, and no node has no fit", () => {
  expect(fitTransform([{ x: 7, y: 7, r: 3 }], SIZE)).toEqual({ x: 186, y: 86, k: 2 });
  expect(fitTransform([], SIZE)).toBeNull();
});
