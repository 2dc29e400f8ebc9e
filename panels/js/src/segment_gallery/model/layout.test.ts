import { expect, test } from "vitest";
import { contain, GAP, gridOf, neighbor, pictureSize } from "./layout";

test.each([
  [296, 1],
  [560, 2],
  [876, 3],
  [5000, 6],
  [0, 1],
])("%i pixels hold %i columns", (width, columns) => {
  const grid = gridOf(width);
  expect(grid.columns).toBe(columns);
  if (width) expect(grid.cardWidth * columns + GAP * (columns - 1)).toBeCloseTo(width);
});

test("a picture has the image's shape, within limits", () => {
  expect(pictureSize(120, 1.5)).toEqual({ width: 120, height: 80 });
  expect(pictureSize(100, 10).height).toBe(60);
  expect(pictureSize(100, 0.1).height).toBe(130);
});

test("an image is shown whole and in the middle", () => {
  expect(contain(2, 100, 100)).toEqual([0, 25, 100, 50]);
  expect(contain(0.5, 100, 100)).toEqual([25, 0, 50, 100]);
});

test("arrows lead along rows and columns and stop at the ends", () => {
  expect(neighbor(0, "ArrowRight", 3, 7)).toBe(1);
  expect(neighbor(0, "ArrowLeft", 3, 7)).toBeNull();
  expect(neighbor(1, "ArrowDown", 3, 7)).toBe(4);
  expect(neighbor(5, "ArrowDown", 3, 7)).toBeNull();
  expect(neighbor(4, "ArrowUp", 3, 7)).toBe(1);
  expect(neighbor(4, "Home", 3, 7)).toBe(0);
  expect(neighbor(4, "End", 3, 7)).toBe(6);
  expect(neighbor(4, "a", 3, 7)).toBeNull();
});
