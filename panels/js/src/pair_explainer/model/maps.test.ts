import { expect, test } from "vitest";
import example from "../../../../../tests/payloads/pair_explainer.json";
import type { Box } from "../../payloads/pair_explainer";
import { examplePair, IMAGE, RELATION, SUMS } from "./fixture";
import { heatOf, peakOf, sameWords, strongestWord, total, wordScores } from "./maps";
import type { Place } from "./place";
import { boxAfterKey, boxBetween, nameOf, sharesOf, sharesOfBox, type Region } from "./region";
import { shownOfCaptions, shownOfImages, shownOfPair } from "./shown";

const pair = examplePair();
const close = (found: Iterable<number>, wanted: number[]) => {
  const values = [...found];
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 4));
};

test("sums over a box, a segment and the whole image are those that Python makes", () => {
  close(wordScores(pair, null), SUMS.of_image);
  close(wordScores(pair, sharesOf({ kind: "box", box: SUMS.box }, pair).shares), SUMS.of_box);
  close(wordScores(pair, sharesOf({ kind: "segment", id: "s1" }, pair).shares), SUMS.of_segment);
  close(RELATION.matrix.slice(0, 3), SUMS.relation_first_row);
});

test("parts sum to the whole: words to their heat, boxes that tile the image to all of it", () => {
  const heat = heatOf(pair, [1, 2]);
  const sums = wordScores(pair, null);
  expect(total(heat)).toBeCloseTo(sums[1] + sums[2], 5);
  const tiles: Box[] = [
    [0, 0, 0.41, 1],
    [0.41, 0, 0.59, 0.3],
    [0.41, 0.3, 0.59, 0.7],
  ];
  const parts = tiles.map((box) => wordScores(pair, sharesOfBox(box, pair).shares));
  close(
    sums.map((_, word) => total(parts.map((part) => part[word]))),
    sums,
  );
});

test("boxes are what Python makes of them, patch by patch and word by word", () => {
  for (const { box, shares, problem, ...place } of example.regions) {
    const found = sharesOfBox(box as Box, place as unknown as Place);
    expect(found.problem).toBe(problem);
    if (shares) close(found.shares ?? [], shares);
    else expect(found.shares).toBeNull();
  }
});

test("why a segment says nothing is what Python says of it", () => {
  expect(sharesOf({ kind: "segment", id: "s2" }, pair)).toEqual({
    shares: null,
    problem: example.pair.problems.s2,
  });
  expect(sharesOf({ kind: "segment", id: "s1" }, pair).problem).toBeNull();
});

test("the strongest content word is chosen first, and same words are found again", () => {
  const contents = pair.words.flatMap(({ content }, i) => (content ? [i] : []));
  const best = contents.reduce((a, b) => (SUMS.of_image[a] >= SUMS.of_image[b] ? a : b));
  expect(strongestWord(pair)).toEqual([best]);
  expect(sameWords([0], pair, pair)).toEqual([0, 4]); // "a" stands there twice
  expect(strongestWord({ ...pair, words: [] })).toEqual([]);
  expect(peakOf([1, -3], [2])).toBe(3);
});

test("boxes are drawn in any direction and stay on the image", () => {
  close(boxBetween([0.8, 0.9], [0.2, 0.1]), [0.2, 0.1, 0.6, 0.8]);
  close(boxBetween([0.5, 0.5], [2, -1]), [0.5, 0, 0.5, 0.5]);
});

test("keys make, move and resize a box by patches", () => {
  const key = (name: string, shift: boolean, box: Box | null) =>
    boxAfterKey(name, shift, box, pair.crop, pair.grid);
  const made = key("Enter", false, null) as Box;
  expect(sharesOf({ kind: "box", box: made }, pair).problem).toBeNull();
  close(key("ArrowRight", false, made) as Box, [made[0] + 0.125, made[1], made[2], made[3]]);
  close(key("ArrowUp", true, made) as Box, [made[0], made[1], made[2], made[3] - 0.25]);
  close(key("ArrowLeft", false, [0, 0, 0.25, 0.25]) as Box, [0, 0, 0.25, 0.25]);
  expect(key("ArrowLeft", false, null)).toBeNull();
  expect(key("x", false, made)).toBeNull();
});

test("a pair shows the heat of its words and what each word gets from the region", () => {
  const choice = { words: new Set([2, 1]), region: { kind: "box", box: SUMS.box } as const };
  const shown = shownOfPair(pair, choice, nameOf(choice.region, IMAGE.segments));
  expect(shown.what).toBe("“red hat”");
  expect(shown.from).toBe("the box");
  close(shown.scores, SUMS.of_box);
  expect(shown.sum).toBeCloseTo(SUMS.of_image[1] + SUMS.of_image[2], 4);
  const nothing = shownOfPair(pair, { words: new Set(), region: null }, "the whole image");
  expect([nothing.heat, nothing.what]).toEqual([null, null]);
  expect(nameOf({ kind: "segment", id: "s1" }, IMAGE.segments)).toBe("the segment “hat”");
});

test("two captions: each word's number is that of the words chosen in the other", () => {
  const matrix = Float32Array.from([1, 2, 3, 4, 5, 6]);
  const relation = { ...RELATION, rows: 2, columns: 3, matrix };
  const chosen: [Set<number>, Set<number>] = [new Set([1]), new Set([0, 2])];
  const [first, second] = shownOfCaptions(relation, [pair, pair], chosen);
  close(first.scores, [4, 10]);
  close(second.scores, [4, 5, 6]);
  const [all] = shownOfCaptions(relation, [pair, pair], [new Set(), new Set()]);
  close(all.scores, [6, 15]);
});

test("two images: the heat on each comes from the other's region", () => {
  const small = examplePair({ grid: 1, seen: [0, 0, 1200, 600] });
  const relation = { ...RELATION, rows: 1, columns: 1, matrix: Float32Array.from([0.5]) };
  const half: Region = { kind: "box", box: [0, 0, 1, 1] };
  const [first, second] = shownOfImages(relation, [small, small], [half, null], ["a", "b"]);
  close(first.heat ?? [], [0.5]);
  close(second.heat ?? [], [0.5]);
  expect(second.what).toBe("from a of the other");
});
