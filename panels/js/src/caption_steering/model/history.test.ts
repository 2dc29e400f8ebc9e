import { expect, test } from "vitest";
import type { Attempt } from "../../payloads/caption_steering";
import { remember, type Entry } from "./history";
import { emptySelection } from "./selections";
import type { Settings } from "./settings";

const settings = (prompt: string, weight = 3): Settings => ({
  prompt,
  method: "logits",
  selections: [{ ...emptySelection(1, weight), added: ["0,0"] }],
  active: 0,
});

const attempt = (text: string): Attempt => ({
  text,
  prompt: "",
  pieces: [{ text, is_new: false }],
  lost: [],
  itm: 0.5,
  log_likelihood: -1,
  seconds: 0.1,
});

const texts = (history: Entry[]) => history.map((entry) => entry.attempt.text);

test("what is asked for is kept; what passes by is kept once per caption", () => {
  let history: Entry[] = [];
  history = remember(history, attempt("a dog"), settings("a", 2), false);
  history = remember(history, attempt("a dog"), settings("a", 3), false);
  history = remember(history, attempt("a hat"), settings("a", 4), false);
  expect(texts(history)).toEqual(["a hat", "a dog"]);
  expect(history[1].settings.selections[0].weight).toBe(3);
  history = remember(history, attempt("a dog"), settings("a", 5), true);
  expect(texts(history)).toEqual(["a dog", "a hat", "a dog"]);
  history = remember(history, attempt("a dog"), settings("a", 5), true);
  expect(history).toHaveLength(3);
});

test("passing by the caption of a kept attempt adds nothing", () => {
  const kept = remember([], attempt("a dog"), settings("a", 5), true);
  expect(remember(kept, attempt("a dog"), settings("a", 6), false)).toBe(kept);
});
