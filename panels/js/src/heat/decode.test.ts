import { expect, test } from "vitest";
import { decodeMaps, wordMap } from "./decode";

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
