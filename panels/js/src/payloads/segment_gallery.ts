/** What panels/payloads/segment_gallery.py sends; the same names stand there. */
import { check, checkAll, checkChoice } from "./check";

export interface Reading {
  /** Null for words without an attribution. */
  scores: (number | null)[];
  best: (number | null)[];
  /** Words without an attribution: beyond what the model reads, or with a map of zeros. */
  unread: number[];
  /** Whether the model sees half of the segment at least. */
  seen: boolean;
  /** How many words cover the segment; null where it is not seen, or no word has an attribution. */
  coverage: number | null;
  covered_by: number[];
  entropy: number | null;
  grid: number;
  peaks: number[];
  maps: string;
}

export interface Piece {
  text: string;
  word: number;
}

export interface Card {
  label_id: string;
  sample_id: string;
  filepath: string;
  label: string | null;
  box: [number, number, number, number];
  mask: string | null;
  pieces: Piece[];
  words: string[];
  area: number | null;
  stale: boolean;
  reading: Reading | null;
}

export interface Method {
  source: string;
  method: string;
  layer: number | null;
  head: number | null;
}

export type ScopeKind = "focus" | "lasso" | "view";

export interface Scope {
  kind: ScopeKind;
  words: string[];
  total: number;
  covered: number;
}

export type Problem = "no_analysis" | "no_segments" | "no_words";

export interface Gallery {
  version: string;
  focus_version: number;
  seed: number;
  caption_field: string;
  segments_field: string;
  scope: Scope;
  problem: Problem | null;
  stored: Method;
  /** What the last analysis did not read, did not see or cut. */
  notes: string[];
  cards: Card[];
}

export interface Shape {
  model: string;
  layers: number | null;
  /** Of how many, from the first one on, Grad-CAM can be taken. */
  gradient_layers: number | null;
  heads: number | null;
  default_layer: number | null;
}

export interface Methods {
  itm: Shape;
  lm: Shape;
}

export interface Readings {
  readings: Record<string, Reading>;
  failures: Record<string, string>;
  layer: number;
  shape: Shape;
}

/** Checks an answer of the event `draw`. */
export function parseGallery(value: unknown): Gallery {
  const gallery = check<Gallery>("gallery", value, {
    version: "string",
    focus_version: "number",
    seed: "number",
    caption_field: "string",
    segments_field: "string",
    notes: "string[]",
    cards: "array",
  });
  check("scope", gallery.scope, { words: "string[]", total: "number", covered: "number" });
  checkChoice("scope.kind", gallery.scope.kind, ["focus", "lasso", "view"]);
  checkChoice("problem", gallery.problem, ["no_analysis", "no_segments", "no_words", null]);
  check("stored", gallery.stored, { source: "string", method: "string" });
  gallery.cards.forEach(parseCard);
  return gallery;
}

/** Checks an answer of the event `methods`. */
export function parseMethods(value: unknown): Methods {
  const methods = check<Methods>("methods", value, { itm: "object", lm: "object" });
  parseShape(methods.itm);
  parseShape(methods.lm);
  return methods;
}

/** Checks an answer of the event `read`. */
export function parseReadings(value: unknown): Readings {
  const found = check<Readings>("readings", value, {
    readings: "object",
    failures: "object",
    layer: "number",
  });
  Object.values(found.readings).forEach(parseReading);
  check("failures", { texts: Object.values(found.failures) }, { texts: "string[]" });
  parseShape(found.shape);
  return found;
}

function parseCard(value: unknown): void {
  const card = check<Card>("card", value, {
    label_id: "string",
    sample_id: "string",
    filepath: "string",
    box: "number[]",
    mask: "string?",
    words: "string[]",
    pieces: "array",
  });
  checkChoice("card.box.length", card.box.length, [4]);
  checkAll("pieces", card.pieces, { text: "string", word: "number" });
  if (card.reading !== null) parseReading(card.reading);
}

function parseReading(value: unknown): void {
  check("reading", value, {
    scores: "number?[]",
    best: "number?[]",
    unread: "number[]",
    seen: "boolean",
    coverage: "number?",
    covered_by: "number[]",
    peaks: "number[]",
    grid: "number",
    maps: "string",
  });
}

function parseShape(value: unknown): void {
  check("shape", value, {
    model: "string",
    layers: "number?",
    heads: "number?",
    gradient_layers: "number?",
    default_layer: "number?",
  });
}
