import { expect, test } from "vitest";
import example from "../../../../tests/payloads/pair_explainer.json";
import { parseImage, parsePair, parseRelation } from "./pair_explainer";

test("the example that Python checks is understood", () => {
  expect(parseImage(example.image)).toBe(example.image);
  expect(parsePair(example.pair)).toBe(example.pair);
  expect(parseRelation(example.relation)).toBe(example.relation);
  expect(parseImage({ missing: "samples" })).toEqual({ missing: "samples" });
  expect(parsePair({ ...example.pair, exact: null }).exact).toBeNull();
});

test("what is not as agreed is refused by name", () => {
  expect(() => parseImage(null)).toThrow("image must be an object; got null.");
  expect(() => parsePair({ ...example.pair, grid: "12" })).toThrow(
    "pair.grid must be of kind number",
  );
  expect(() => parsePair({ ...example.pair, words: [{ text: 1 }] })).toThrow("words[0].text");
  expect(() => parseRelation({ ...example.relation, matrix: [] })).toThrow("relation.matrix");
});
