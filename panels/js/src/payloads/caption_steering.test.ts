import { expect, test } from "vitest";
import example from "../../../../tests/payloads/caption_steering.json";
import {
  parseAttempt,
  parseCandidates,
  parseImage,
  parsePlace,
  parseScopes,
  parseSearch,
  parseSuggestions,
} from "./caption_steering";

test("the example that Python made is understood", () => {
  expect(parseImage(example.image)).toBe(example.image);
  expect(parsePlace(example.place)).toBe(example.place);
  expect(parseAttempt(example.attempt)).toBe(example.attempt);
  expect(parseSearch(example.search)).toBe(example.search);
  expect(parseSuggestions(example.suggestions)).toBe(example.suggestions.suggestions);
  expect(parseScopes(example.scopes)).toBe(example.scopes);
  expect(parseCandidates(example.candidates)).toBe(example.candidates);
});

test("a missing image is understood, too", () => {
  expect(parseImage({ missing: "captions" })).toEqual({ missing: "captions" });
});

test("what is not as agreed is refused by name", () => {
  expect(() => parseImage(null)).toThrow("image must be an object; got null.");
  expect(() => parsePlace({ ...example.place, grid: "12" })).toThrow(
    "place.grid must be of kind number",
  );
  expect(() => parseAttempt({ ...example.attempt, pieces: [{ text: 1 }] })).toThrow(
    "pieces[0].text",
  );
  expect(() => parseSearch({ ...example.search, trials: [{}] })).toThrow("trial.weight");
});
