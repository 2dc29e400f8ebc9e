import { expect, test } from "vitest";
import example from "../../../../../tests/payloads/caption_steering.json";
import { parseSearch } from "../../payloads/caption_steering";
import { layoutChart } from "./chart";

test("weights run to the right, probabilities upwards", () => {
  const { trials } = parseSearch(example.search);
  const layout = layoutChart(trials, 400, 150);
  const xs = layout.points.map(({ x }) => x);
  expect([...xs].sort((a, b) => a - b)).toEqual(xs);
  expect(Math.min(...xs)).toBeGreaterThan(0);
  expect(Math.max(...xs)).toBeLessThan(400);
  for (const { y, trial } of layout.points) {
    expect(y).toBeCloseTo(10 + (1 - trial.probability) * 118, 5);
  }
  expect(layout.line.startsWith("M")).toBe(true);
  expect(layout.line).not.toContain("NaN");
});

test("a single weight stands in the middle", () => {
  const { trials } = parseSearch(example.search);
  const layout = layoutChart(trials.slice(0, 1), 400, 150);
  expect(layout.points[0].x).toBeCloseTo(211);
  expect(layout.line).not.toContain("NaN");
});
