import { expect, test } from "vitest";
import {
  BINS,
  RADIUS,
  WIDTH,
  brushBetween,
  brushedCount,
  brushedShare,
  linkWidth,
  radius,
} from "./scales";

test("areas, not radii, are proportional to counts, and both are clipped", () => {
  expect(radius(100, 100)).toBe(RADIUS[1]);
  expect(radius(25, 100)).toBeCloseTo(RADIUS[1] / 2);
  expect(radius(0, 100)).toBe(RADIUS[0]);
  expect(radius(500, 100)).toBe(RADIUS[1]);
  expect(linkWidth(25, 100)).toBeCloseTo(WIDTH[1] / 2);
  expect(linkWidth(1, 1_000_000)).toBe(WIDTH[0]);
  expect(radius(3, 0)).toBeGreaterThan(0);
});

test("the ring is the share of the scored captions in the brush", () => {
  const scores = Array.from({ length: BINS }, () => 0);
  scores[10] = 3;
  scores[19] = 1;
  expect(brushedShare(scores, { from: 10, to: 11 })).toBe(0.75);
  expect(brushedShare(scores, { from: 0, to: BINS })).toBe(1);
  expect(brushedShare(scores, { from: 0, to: 5 })).toBe(0);
  expect(
    brushedShare(
      scores.map(() => 0),
      { from: 0, to: BINS },
    ),
  ).toBeNull();
  expect(brushedCount(scores, { from: 10, to: 20 })).toBe(4);
});

test("a brush is whole bins, in either direction, one at least", () => {
  expect(brushBetween(0.5, 0.75)).toEqual({ from: 10, to: 15 });
  expect(brushBetween(0.75, 0.5)).toEqual({ from: 10, to: 15 });
  expect(brushBetween(0.51, 0.52)).toEqual({ from: 10, to: 11 });
  expect(brushBetween(1, 1)).toEqual({ from: 19, to: 20 });
  expect(brushBetween(-1, 2)).toEqual({ from: 0, to: 20 });
});
