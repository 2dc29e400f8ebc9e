import { expect, test } from "vitest";
import { gradientOf, pixelsOf, rampColor, signedColor } from "./scale";

test("nothing is transparent, the strongest is opaque, signs differ in hue", () => {
  expect(rampColor(0)[3]).toBe(0);
  const [red, , blue, alpha] = rampColor(1);
  expect(alpha).toBeGreaterThan(0.8);
  expect(red).toBeGreaterThan(blue);
  const cold = rampColor(-1);
  expect(cold[2]).toBeGreaterThan(cold[0]);
  expect(rampColor(7)).toEqual(rampColor(1));
});

test("opacity never falls with strength", () => {
  const alphas = Array.from({ length: 21 }, (_, i) => rampColor(i / 20)[3]);
  expect(alphas).toEqual([...alphas].sort((a, b) => a - b));
});

test("pixels have four bytes each", () => {
  expect([...pixelsOf(rampColor, new Float32Array([0, 1]))].slice(3, 5)).toEqual([
    0,
    rampColor(1)[0],
  ]);
});

test("the legend begins at zero, or at the strongest against the word", () => {
  expect(gradientOf(rampColor, 0)).toMatch(
    /^linear-gradient\(to right, rgba\(\d+, \d+, \d+, 0\.000\)/,
  );
  const [, , blue] = rampColor(-1);
  expect(gradientOf(rampColor, -1)).toContain(`, ${blue}, 0.860)`);
});

test("the scale is symmetric: the same strength for and against, red and blue", () => {
  for (const value of [0.1, 0.5, 1, 3]) {
    const [red, , blue, alpha] = signedColor(value);
    const [red2, , blue2, alpha2] = signedColor(-value);
    expect(alpha).toBe(alpha2);
    expect(red).toBeGreaterThan(blue);
    expect(blue2).toBeGreaterThan(red2);
  }
  expect(signedColor(0)[3]).toBe(0);
  expect(gradientOf(signedColor, -1)).toContain("to right");
});

test("pixels are in units of the peak; without one nothing is drawn", () => {
  const pixels = pixelsOf(signedColor, Float32Array.from([2, -2, 0]), 2);
  expect(pixels[3]).toBe(pixels[7]);
  expect(pixels[11]).toBe(0);
  expect(
    [...pixelsOf(signedColor, Float32Array.from([0, 0]), 0)].filter((_, i) => i % 4 === 3),
  ).toEqual([0, 0]);
});
