/** What panels/word_graph.py sends, with the same names, and checks of it. */
import { check } from "./check";

export const TAGS = ["noun", "verb", "adjective", "other"] as const;
export type Tag = (typeof TAGS)[number];

export interface WordPayload {
  word: string;
  tag: Tag;
  count: number;
  share: number;
  scores: number[];
}

export interface LinksPayload {
  a: number[];
  b: number[];
  count: number[];
  expected: number[];
  lift: number[];
  log_odds: number[];
  p_value: number[];
}

export interface PairPayload {
  a: string;
  b: string;
  count: number;
  expected: number;
  lift: number;
  log_odds: number;
  q_value: number;
}

export interface PairsPayload {
  strongest: PairPayload[];
  together: PairPayload[];
  apart: PairPayload[];
}

export interface GraphPayload {
  key: string;
  dataset: string;
  caption_field: string;
  caption_fields: string[];
  samples: number;
  documents: number;
  total_words: number;
  lasso: number | null;
  focus: string[];
  /** The dataset's own, left out of the graph. */
  stop_words: string[];
  scores: number[];
  words: WordPayload[];
  links: LinksPayload;
  pairs: PairsPayload;
  /** Version of the old focus's end, where opening the panel took it away; to be painted. */
  cleared?: number;
}

export interface EmptyPayload {
  key: string;
  dataset: string;
  empty: string;
}

export interface FocusPayload {
  words: string[];
  samples: number;
  total: number;
  together: boolean;
  message: string;
  version: number;
  pairs: PairsPayload | null;
}

export interface PaintPayload {
  recolor: Record<string, unknown>[];
  message: string;
}

export interface SimilarPayload {
  a: string[];
  b: string[];
  similarity: number[];
}

export interface DifferencePayload {
  word: string;
  tag: Tag;
  count_a: number;
  count_b: number;
  share_a: number;
  share_b: number;
  log_odds: number;
  z: number;
  q_value: number;
}

export interface SidePayload {
  title: string;
  documents: number;
  links: LinksPayload;
}

export interface ComparePayload {
  words: DifferencePayload[];
  a: SidePayload;
  b: SidePayload;
}

export interface ValuesPayload {
  values: string[];
  counts: number[];
}

export interface FilePayload {
  name: string;
  mime: string;
  text: string;
}

type Fields = Record<string, unknown>;

/**
 * Checks what the graph event sent.
 *
 * Throws an error that names the first thing that is not as agreed.
 */
export function parseGraph(value: unknown): GraphPayload | EmptyPayload {
  const graph = record(value, "the graph");
  text(graph, "key");
  text(graph, "dataset");
  if (typeof graph.empty === "string") return graph as unknown as EmptyPayload;
  text(graph, "caption_field");
  for (const name of ["caption_fields", "focus", "stop_words", "scores", "words"])
    list(graph, name);
  for (const name of ["samples", "documents", "total_words"]) number(graph, name);
  for (const one of graph.words as unknown[]) parseWord(one);
  parseLinks(graph.links, (graph.words as unknown[]).length);
  parsePairs(graph.pairs);
  return graph as unknown as GraphPayload;
}

/** Checks what the compare event sent. */
export function parseComparison(value: unknown): ComparePayload {
  const comparison = record(value, "the comparison");
  list(comparison, "words");
  for (const one of comparison.words as unknown[]) {
    const word = record(one, "a compared word");
    text(word, "word");
    for (const name of ["count_a", "count_b", "share_a", "share_b", "log_odds"]) number(word, name);
  }
  for (const name of ["a", "b"]) {
    const side = record(comparison[name], `side ${name}`);
    text(side, "title");
    parseLinks(side.links, (comparison.words as unknown[]).length);
  }
  return comparison as unknown as ComparePayload;
}

/** Checks what the focus event sent. */
export function parseFocus(value: unknown): FocusPayload {
  const focus = check<FocusPayload>("the focus", value, {
    words: "array",
    samples: "number",
    total: "number",
    together: "boolean",
    message: "string",
    version: "number",
    pairs: "object?",
  });
  return { ...focus, pairs: focus.pairs && parsePairs(focus.pairs) };
}

/** Checks the version that the unfocus event sent. */
export function parseVersion(value: unknown): number {
  return check<{ version: number }>("the focus", value, { version: "number" }).version;
}

/** Checks what the paint event sent. */
export function parsePaint(value: unknown): PaintPayload {
  return check("the colors", value, { recolor: "array", message: "string" });
}

/** Checks what the similar event sent. */
export function parseSimilar(value: unknown): SimilarPayload {
  return check("similar words", value, { a: "array", b: "array", similarity: "array" });
}

/** Checks what the export event sent. */
export function parseFile(value: unknown): FilePayload {
  return check("the file", value, { name: "string", mime: "string", text: "string" });
}

/** Checks what can be compared by. */
export function parseFields(value: unknown): { fields: string[] } {
  return check("the fields", value, { fields: "array" });
}

/** Checks the values of a field. */
export function parseValues(value: unknown): ValuesPayload {
  return check("the values", value, { values: "array", counts: "array" });
}

/** Checks the three lists of pairs. */
export function parsePairs(value: unknown): PairsPayload {
  const pairs = record(value, "the pairs");
  for (const name of ["strongest", "together", "apart"]) {
    list(pairs, name);
    for (const one of pairs[name] as unknown[]) {
      const pair = record(one, "a pair");
      text(pair, "a");
      text(pair, "b");
      for (const measure of ["count", "expected", "lift", "log_odds", "q_value"]) {
        number(pair, measure);
      }
    }
  }
  return pairs as unknown as PairsPayload;
}

function parseWord(value: unknown): void {
  const word = record(value, "a word");
  text(word, "word");
  number(word, "count");
  list(word, "scores");
  if (!TAGS.includes(word.tag as Tag)) throw new Error(`No part of speech: ${String(word.tag)}.`);
}

function parseLinks(value: unknown, words: number): void {
  const links = record(value, "the links");
  const names = ["a", "b", "count", "expected", "lift", "log_odds", "p_value"];
  for (const name of names) list(links, name);
  const columns = names.map((name) => links[name] as unknown[]);
  if (columns.some((column) => column.length !== columns[0].length)) {
    throw new Error("The links' columns must be equally long.");
  }
  const ends = [...(links.a as number[]), ...(links.b as number[])];
  if (ends.some((end) => !(end >= 0 && end < words))) {
    throw new Error(`A link's ends must be among the ${words} words.`);
  }
}

function record(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`The panel expected ${what}; Python sent ${JSON.stringify(value) ?? "nothing"}.`);
}

function text(fields: Fields, name: string): void {
  if (typeof fields[name] !== "string") throw new Error(`"${name}" must be a text.`);
}

function number(fields: Fields, name: string): void {
  if (typeof fields[name] !== "number") throw new Error(`"${name}" must be a number.`);
}

function list(fields: Fields, name: string): void {
  if (!Array.isArray(fields[name])) throw new Error(`"${name}" must be a list.`);
}
