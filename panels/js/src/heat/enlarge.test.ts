import { expect, test } from "vitest";
import { enlarge } from "./enlarge";

test("a map is enlarged as torch's bilinear interpolation without aligned corners does it", () => {
  const [row] = [[...enlarge(new Float32Array([0, 1, 0, 1]), 2, 4, 1)]];
  expect(row).toEqual([0, 0.25, 0.75, 1]);
  const square = enlarge(new Float32Array([0, 1, 2, 3]), 2, 4, 4);
  expect(square[5]).toBeCloseTo(0.75);
  expect(Math.max(...square)).toBe(3);
});
