/** What both sides of the panel show, from what is chosen: pure arithmetic. */
import type { RelationPayload } from "../../payloads/pair_explainer";
import { heatOf, peakOf, sumRows, total, weighRows, wordScores, type Pair } from "./maps";
import { sharesOf, type Region } from "./region";

export type Compare = "none" | "caption" | "image";

export interface Choice {
  words: ReadonlySet<number>;
  region: Region | null;
}

/** A relation with its numbers decoded. */
export interface Relation extends Omit<RelationPayload, "matrix"> {
  matrix: Float32Array;
}

/** One side: the heat on its image, and the numbers on its words. */
export interface Shown {
  heat: Float32Array | null;
  /** What is summed in the heat; null without one. */
  what: string | null;
  sum: number;
  /** One number per word; empty where words have none. */
  scores: number[];
  /** Where the numbers of the words come from. */
  from: string;
  /** Why the chosen region cannot be used, or null. */
  problem: string | null;
}

/**
 * What both sides show: each its own pair, or what both have to do with each other.
 *
 * @param together whether the sides are set against each other
 * @param names of the regions that are chosen
 */
export function shownOfSides(
  { compare, together }: { compare: Compare; together: boolean },
  [pair, second]: [Pair | null, Pair | null],
  relation: Relation | null,
  choices: [Choice, Choice],
  names: [string, string],
): [Shown, Shown] {
  if (compare === "none" || !together) {
    return [
      pair ? shownOfPair(pair, choices[0], names[0]) : NOTHING,
      second ? shownOfPair(second, choices[1], names[1]) : NOTHING,
    ];
  }
  if (!relation || !pair || !second || !fits(relation, compare, pair, second)) {
    return [NOTHING, NOTHING];
  }
  const [one, other] = choices;
  return compare === "image"
    ? shownOfImages(relation, [pair, second], [one.region, other.region], names)
    : shownOfCaptions(relation, [pair, second], [one.words, other.words]);
}

/** Whether a relation belongs to the pairs that are shown: a late answer may not. */
function fits(relation: Relation, compare: Compare, first: Pair, second: Pair): boolean {
  const size = (pair: Pair) => (compare === "image" ? pair.grid ** 2 : pair.words.length);
  return relation.rows === size(first) && relation.columns === size(second);
}

/** The image with the caption: words give the heat, the region gives the words' numbers. */
export function shownOfPair(pair: Pair, choice: Choice, regionName: string): Shown {
  const { words, region } = choice;
  const found = region ? sharesOf(region, pair) : { shares: null, problem: null };
  const heat = words.size ? heatOf(pair, words) : null;
  return {
    heat,
    what: heat && quoted(pair, words),
    sum: heat ? total(heat) : 0,
    scores: wordScores(pair, found.shares),
    from: region && found.problem === null ? regionName : "the whole image",
    problem: found.problem,
  };
}

/** Two captions: each word's number comes from the words that are chosen in the other caption. */
export function shownOfCaptions(
  relation: Relation,
  pairs: [Pair, Pair],
  chosen: [ReadonlySet<number>, ReadonlySet<number>],
): [Shown, Shown] {
  const { matrix, rows, columns } = relation;
  const all = (count: number) => Array.from({ length: count }, (_, i) => i);
  const ofFirst = chosen[1].size ? chosen[1] : all(columns);
  const ofSecond = chosen[0].size ? chosen[0] : all(rows);
  const first = sumRows(transposed(matrix, rows, columns), rows, ofFirst);
  const second = sumRows(matrix, columns, ofSecond);
  const side = (scores: Float32Array, other: Pair, words: ReadonlySet<number>): Shown => ({
    ...NOTHING,
    scores: [...scores],
    from: words.size ? quoted(other, words) : "the other caption",
  });
  return [side(first, pairs[1], chosen[1]), side(second, pairs[0], chosen[0])];
}

/** Two images: the heat on each comes from the region of the other, or from all of it. */
export function shownOfImages(
  relation: Relation,
  pairs: [Pair, Pair],
  regions: [Region | null, Region | null],
  names: [string, string],
): [Shown, Shown] {
  const { matrix, rows, columns } = relation;
  const found = regions.map((region, i) =>
    region ? sharesOf(region, pairs[i]) : { shares: null, problem: null },
  );
  const shares = found.map((one, i) => one.shares ?? new Float32Array(i ? columns : rows).fill(1));
  const first = weighRows(transposed(matrix, rows, columns), rows, shares[1]);
  const second = weighRows(matrix, columns, shares[0]);
  const side = (heat: Float32Array, own: number, other: number): Shown => ({
    ...NOTHING,
    heat,
    what: `from ${names[other]} of the other`,
    sum: total(heat),
    problem: found[own].problem,
  });
  return [side(first, 0, 1), side(second, 1, 0)];
}

export const NOTHING: Shown = {
  heat: null,
  what: null,
  sum: 0,
  scores: [],
  from: "",
  problem: null,
};

/** The peaks that both sides share, so that their colors compare: of heat and of words. */
export function sharedPeaks(sides: Shown[]): { heat: number; words: number } {
  return {
    heat: peakOf(...sides.flatMap(({ heat }) => (heat ? [heat] : []))),
    words: peakOf(...sides.map(({ scores }) => scores)),
  };
}

function quoted(pair: Pair, words: ReadonlySet<number>): string {
  const texts = [...words].sort((a, b) => a - b).map((word) => pair.words[word]?.text ?? "");
  return `“${texts.join(" ")}”`;
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = matrix[row * columns + column];
    }
  }
  return turned;
}
