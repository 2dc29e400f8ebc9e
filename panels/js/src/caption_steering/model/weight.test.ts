import { expect, test } from "vitest";
import {
  formatWeight,
  LAST_POSITION,
  leastWeight,
  meaningOf,
  NEUTRAL_POSITION,
  positionOf,
  weightAt,
  weightRefusal,
} from "./weight";
import { METHODS } from "./choices";

test("the dial has a stop for remove, then runs from 0.1 to 100", () => {
  expect(weightAt(0)).toBe(0);
  expect(weightAt(1)).toBe(0.1);
  expect(weightAt(NEUTRAL_POSITION)).toBe(1);
  expect(weightAt(LAST_POSITION)).toBe(100);
  const all = Array.from({ length: LAST_POSITION + 1 }, (_, position) => weightAt(position));
  expect([...all].sort((a, b) => a - b)).toEqual(all);
});

test("positions and weights belong together; what is outside goes to the ends", () => {
  for (let position = 0; position <= LAST_POSITION; position++) {
    expect(positionOf(weightAt(position))).toBe(position);
  }
  expect(positionOf(5000)).toBe(LAST_POSITION);
  expect(positionOf(0.001)).toBe(1);
  expect(positionOf(Number.NaN)).toBe(0);
});

test("every weight has a sentence in every method, and 1 changes nothing", () => {
  for (const { key } of METHODS) {
    expect(meaningOf(1, key)).toBe("1 changes nothing.");
    for (const weight of [0, 0.5, 3, 50]) expect(meaningOf(weight, key)).toMatch(/^[A-Z0].*\.$/);
  }
  expect(meaningOf(0, "logits")).toContain("removes");
  expect(meaningOf(5, "logits")).toContain("5 times");
  expect(meaningOf(3, "contrast")).toContain("strength 2");
  expect(leastWeight("contrast")).toBe(1);
});

test("what the dial does not take is refused by a sentence", () => {
  for (const weight of [0, 0.1, 1, 100]) expect(weightRefusal(weight, "logits")).toBeNull();
  for (const weight of [-1, 0.05, 100.1, Number.NaN, Infinity])
    expect(weightRefusal(weight, "scale")).toBe("A weight is 0, or lies between 0.1 and 100.");
  for (const weight of [1, 1.5, 100]) expect(weightRefusal(weight, "contrast")).toBeNull();
  for (const weight of [0, 0.5, 101])
    expect(weightRefusal(weight, "contrast")).toBe("The contrast takes weights from 1 to 100.");
});

test("weights are written as short as possible", () => {
  expect([0, 0.25, 3, 12.34567].map(formatWeight)).toEqual(["0", "0.25", "3", "12.3"]);
});
