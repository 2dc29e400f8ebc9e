import { expect, test } from "vitest";
import type { Segment } from "../../payloads/caption_steering";
import { segmentAt } from "./hit";

const segment = (id: string, area: number, outline: string): Segment => ({
  id,
  label: id,
  coverage: null,
  area,
  outline,
});

const MAN = segment("man", 0.64, "M100 100L900 100L900 900L100 900Z");
const HAT = segment("hat", 0.04, "M200 200L400 200L400 400L200 400Z");
const RING = segment(
  "ring",
  0.03,
  "M500 500L700 500L700 700L500 700ZM550 550L650 550L650 650L550 650Z",
);

test("the smallest segment under the pointer is taken; holes are not part of it", () => {
  const at = (x: number, y: number) => segmentAt([HAT, MAN, RING], x, y)?.id ?? null;
  expect(at(0.3, 0.3)).toBe("hat");
  expect(at(0.15, 0.3)).toBe("man");
  expect(at(0.52, 0.6)).toBe("ring");
  expect(at(0.6, 0.6)).toBe("man");
  expect(at(0.05, 0.05)).toBeNull();
});
