/** What panels/word_graph.py sends, with the same names, and checks of it. */
import { check, checkAll, checkChoice, type Kinds } from "./check";

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

const LINKS = ["a", "b", "count", "expected", "lift", "log_odds", "p_value"] as const;
const PAIR: Kinds = {
  a: "string",
  b: "string",
  count: "number",
  expected: "number",
  lift: "number",
  log_odds: "number",
  q_value: "number",
};

/**
 * Checks what the graph event sent.
 *
 * Throws an error that names the first thing that is not as agreed.
 */
export function parseGraph(value: unknown): GraphPayload | EmptyPayload {
  const named = check<Partial<EmptyPayload>>("graph", value, { key: "string", dataset: "string" });
  if (typeof named.empty === "string") return value as EmptyPayload;
  const graph = check<GraphPayload>("graph", value, {
    caption_field: "string",
    caption_fields: "array",
    focus: "array",
    stop_words: "array",
    scores: "array",
    words: "array",
    samples: "number",
    documents: "number",
    total_words: "number",
  });
  checkAll("words", graph.words, { word: "string", count: "number", scores: "array" });
  for (const word of graph.words) checkChoice("word.tag", word.tag, TAGS);
  parseLinks(graph.links, graph.words.length);
  parsePairs(graph.pairs);
  return graph;
}

/** Checks what the compare event sent. */
export function parseComparison(value: unknown): ComparePayload {
  const comparison = check<ComparePayload>("comparison", value, {
    words: "array",
    a: "object",
    b: "object",
  });
  checkAll("words", comparison.words, {
    word: "string",
    count_a: "number",
    count_b: "number",
    share_a: "number",
    share_b: "number",
    log_odds: "number",
  });
  for (const side of [comparison.a, comparison.b]) {
    check("side", side, { title: "string" });
    parseLinks(side.links, comparison.words.length);
  }
  return comparison;
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
  const kinds = { strongest: "array", together: "array", apart: "array" } as const;
  const pairs = check<PairsPayload>("pairs", value, kinds);
  checkAll("strongest", pairs.strongest, PAIR);
  checkAll("together", pairs.together, PAIR);
  checkAll("apart", pairs.apart, PAIR);
  return pairs;
}

function parseLinks(value: unknown, words: number): void {
  const kinds = Object.fromEntries(LINKS.map((name) => [name, "array" as const]));
  const links = check<LinksPayload>("links", value, kinds);
  if (LINKS.some((name) => links[name].length !== links.a.length)) {
    throw new Error("The links' columns must be equally long.");
  }
  if ([...links.a, ...links.b].some((end) => !(end >= 0 && end < words))) {
    throw new Error(`A link's ends must be among the ${words} words.`);
  }
}
