import { expect, test } from "vitest";
import type { Candidate } from "../../payloads/caption_steering";
import { accepting, chosenCount, chosenTheirs, flip, isChosen, type Flipped } from "./choice";

const candidate = (sample_id: string, says_word: boolean | null, theirs = false): Candidate => ({
  sample_id,
  filepath: `/${sample_id}.jpg`,
  pieces: [],
  present: null,
  itm: null,
  present_itm: null,
  weight: null,
  says_word,
  theirs,
});
const NONE: Flipped = new Set();

test("captions that do not say the word are left out; a click turns one over and back", () => {
  const [says, does_not, unasked] = [true, false, null].map((one, i) => candidate(`${i}`, one));
  expect([says, does_not, unasked].map((one) => isChosen(one, NONE))).toEqual([true, false, true]);
  const flipped = flip(NONE, "1");
  expect(isChosen(does_not, flipped)).toBe(true);
  expect(isChosen(does_not, flip(flipped, "1"))).toBe(false);
});

test("what is chosen counts also where only some have been fetched", () => {
  const page = {
    candidates: [candidate("a", false), candidate("b", true)],
    waiting: 100,
    missed: 10,
  };
  expect(chosenCount(page, NONE)).toBe(90);
  expect(chosenCount(page, new Set(["a"]))).toBe(91);
  expect(chosenCount(page, new Set(["a", "b"]))).toBe(90);
});

test("a button that accepts counts the captions of the user's that it writes over", () => {
  const page = {
    candidates: [candidate("a", false, true), candidate("b", true, true), candidate("c", true)],
    theirs: 35,
    missed_theirs: 5,
  };
  expect(chosenTheirs(page, NONE)).toBe(30);
  expect(chosenTheirs(page, new Set(["a"]))).toBe(31);
  expect(chosenTheirs(page, new Set(["b", "c"]))).toBe(29);
  expect(accepting("Accept all 214 captions", 35)).toBe(
    "Accept all 214 captions, writing over 35 of yours",
  );
  expect(accepting("Accept this caption", 0)).toBe("Accept this caption");
});
