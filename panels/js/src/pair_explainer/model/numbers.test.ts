import { expect, test } from "vitest";
import { meaningOf, trustOf } from "./completeness";
import { examplePair } from "./fixture";
import { durationText, percent, plain, signed } from "./numbers";

test("numbers keep their sign and what counts of them", () => {
  expect([0.3124, 0.01234, 0.0000041, 0].map(signed)).toEqual([
    "+0.312",
    "+0.0123",
    "+4.1e-6",
    "0",
  ]);
  expect(signed(-0.02)).toBe("−0.0200");
  expect(signed(NaN)).toBe("–");
  expect(plain(12)).toBe("12.000");
  expect([0.12, 0.0123, 0.00042, 1e-8, 0].map(percent)).toEqual([
    "12 %",
    "1 %",
    "0.04 %",
    "less than 0.0001 %",
    "0 %",
  ]);
});

test("durations are said as people say them", () => {
  expect([0.2, 42, 130, 9000].map(durationText)).toEqual(["1 s", "42 s", "2 min", "2.5 h"]);
});

test("the completeness error is put in words", () => {
  expect(meaningOf(examplePair())).toContain("All parts together");
  expect(meaningOf(examplePair({ relative_error: 0.013 }))).toContain("miss the whole by 1 %");
  expect(trustOf(examplePair({ relative_error: 0.2 }))).toBe("broken");
  expect(meaningOf(examplePair({ method: "icam", relative_error: null }))).toContain("not promise");
});
