/** Arithmetic on the attributions of a pair: sums over words, over regions, and their scale. */
import { decodeFloats } from "../../heat/decode";
import type { Box, OwnedCell, PairPayload } from "../../payloads/pair_explainer";
import { cropOf } from "./place";

/** A reading with its numbers decoded. */
export interface Pair extends Omit<PairPayload, "maps"> {
  /** "words p p". */
  maps: Float32Array;
  /** What the grid shows, as shares of the image. */
  crop: Box;
}

export function decodePair(payload: PairPayload): Pair {
  return { ...payload, maps: decodeFloats(payload.maps), crop: cropOf(payload) };
}

/** The sum of some rows of a matrix "rows columns". */
export function sumRows(
  matrix: Float32Array,
  columns: number,
  rows: Iterable<number>,
): Float32Array {
  const sum = new Float32Array(columns);
  for (const row of rows) {
    for (let i = 0; i < columns; i++) sum[i] += matrix[row * columns + i];
  }
  return sum;
}

/** The sum of all rows of a matrix "rows columns", each times its weight. */
export function weighRows(
  matrix: Float32Array,
  columns: number,
  weights: Float32Array,
): Float32Array {
  const sum = new Float32Array(columns);
  weights.forEach((weight, row) => {
    if (weight === 0) return;
    for (let i = 0; i < columns; i++) sum[i] += weight * matrix[row * columns + i];
  });
  return sum;
}

/** The heat of some words: "p p". */
export function heatOf(pair: Pair, words: Iterable<number>): Float32Array {
  return sumRows(pair.maps, pair.grid * pair.grid, words);
}

/** What each word gets from a region, or from the whole image: one number per word. */
export function wordScores(pair: Pair, shares: Float32Array | null): number[] {
  const patches = pair.grid * pair.grid;
  return pair.words.map((_, word) => {
    let sum = 0;
    for (let i = 0; i < patches; i++) {
      sum += pair.maps[word * patches + i] * (shares ? shares[i] : 1);
    }
    return sum;
  });
}

/** How much of each patch a segment owns: "p p". */
export function sharesOfCells(cells: OwnedCell[], grid: number): Float32Array {
  const shares = new Float32Array(grid * grid);
  for (const [row, column, share] of cells) shares[row * grid + column] = share;
  return shares;
}

export function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** The largest magnitude, so that a scale is the same on both sides of zero. */
export function peakOf(...lists: ArrayLike<number>[]): number {
  let peak = 0;
  for (const values of lists) {
    for (let i = 0; i < values.length; i++) peak = Math.max(peak, Math.abs(values[i]));
  }
  return peak;
}

export function difference(first: Float32Array, second: Float32Array): Float32Array {
  return first.map((value, i) => value - second[i]);
}

/** Words of one caption that another one has, too, in the order of the other. */
export function sameWords(chosen: Iterable<number>, from: Pair, to: Pair): number[] {
  const texts = new Set([...chosen].map((word) => from.words[word]?.text.toLowerCase()));
  return indices(to, (text) => texts.has(text));
}

/** What is selected to begin with: the word that names something and counts most for the match. */
export function strongestWord(pair: Pair): number[] {
  const scores = wordScores(pair, null);
  const read = pair.words.flatMap((word, i) => (word.read ? [i] : []));
  const contents = read.filter((i) => pair.words[i].content);
  const among = contents.length ? contents : read;
  if (!among.length) return [];
  return [among.reduce((best, i) => (scores[i] > scores[best] ? i : best))];
}

function indices(pair: Pair, keep: (text: string) => boolean): number[] {
  return pair.words.flatMap(({ text, read }, i) => (read && keep(text.toLowerCase()) ? [i] : []));
}
