/** What `panels/word_graph.py` sends; names as in `panels/word_graph_payloads.py`. */

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
