import { expect, test } from "vitest";
import { decodeMaps, enlarge, heatColor, heatGradient, heatPixels, wordMap } from "./wordScale";

const base64 = (values: number[]) =>
  btoa(String.fromCharCode(...values.map((value) => (value < 0 ? value + 256 : value))));

test("bytes become signed shares of the peak", () => {
  expect([...decodeMaps(base64([127, -127, 0, 64]))]).toEqual([
    1,
    -1,
    0,
    expect.closeTo(64 / 127, 6),
  ]);
});

test("a word's map fills the range: of its positive part, or of both signs", () => {
  const maps = decodeMaps(base64([0, 0, 0, 0, -100, 50, 25, 0]));
  expect([...wordMap(maps, 1, 2, false)]).toEqual([0, 1, 0.5, 0]);
  expect([...wordMap(maps, 1, 2, true)]).toEqual([-1, 0.5, 0.25, 0]);
  expect([...wordMap(maps, 0, 2, true)]).toEqual([0, 0, 0, 0]);
});

test("a map is enlarged as torch's bilinear interpolation without aligned corners does it", () => {
  const [row] = [[...enlarge(new Float32Array([0, 1, 0, 1]), 2, 4, 1)]];
  expect(row).toEqual([0, 0.25, 0.75, 1]);
  const square = enlarge(new Float32Array([0, 1, 2, 3]), 2, 4, 4);
  expect(square[5]).toBeCloseTo(0.75);
  expect(Math.max(...square)).toBe(3);
});

test("nothing is transparent, the strongest is opaque, signs differ in hue", () => {
  expect(heatColor(0)[3]).toBe(0);
  const [red, , blue, alpha] = heatColor(1);
  expect(alpha).toBeGreaterThan(0.8);
  expect(red).toBeGreaterThan(blue);
  const cold = heatColor(-1);
  expect(cold[2]).toBeGreaterThan(cold[0]);
  expect(heatColor(7)).toEqual(heatColor(1));
});

test("opacity never falls with strength", () => {
  const alphas = Array.from({ length: 21 }, (_, i) => heatColor(i / 20)[3]);
  expect(alphas).toEqual([...alphas].sort((a, b) => a - b));
});

test("pixels have four bytes each", () => {
  expect([...heatPixels(new Float32Array([0, 1]))].slice(3, 5)).toEqual([0, heatColor(1)[0]]);
});

test("the legend begins at zero, or at the strongest against the word", () => {
  expect(heatGradient(false)).toMatch(/^linear-gradient\(to right, rgba\(\d+, \d+, \d+, 0\.000\)/);
  const [, , blue] = heatColor(-1);
  expect(heatGradient(true)).toContain(`, ${blue}, 0.860)`);
});
