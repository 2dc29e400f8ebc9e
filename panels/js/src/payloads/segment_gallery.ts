/** What panels/segment_gallery_payloads.py sends; the same names stand there. */

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
  const found = record(value, "a gallery");
  text(found.version, "version");
  number(found.focus_version, "focus_version");
  number(found.seed, "seed");
  text(found.caption_field, "caption_field");
  text(found.segments_field, "segments_field");
  const scope = record(found.scope, "scope");
  list(scope.words, "scope.words").forEach((one) => text(one, "scope.words"));
  number(scope.total, "scope.total");
  number(scope.covered, "scope.covered");
  if (!["focus", "lasso", "view"].includes(scope.kind as string)) fail("scope.kind", scope.kind);
  if (!["no_analysis", "no_segments", "no_words", null].includes(found.problem as string | null)) {
    fail("problem", found.problem);
  }
  parseMethod(found.stored);
  list(found.notes, "notes").forEach((one) => text(one, "notes"));
  list(found.cards, "cards").forEach(parseCard);
  return value as Gallery;
}

/** Checks an answer of the event `methods`. */
export function parseMethods(value: unknown): Methods {
  const found = record(value, "methods");
  parseShape(found.itm);
  parseShape(found.lm);
  return value as Methods;
}

/** Checks an answer of the event `read`. */
export function parseReadings(value: unknown): Readings {
  const found = record(value, "readings");
  Object.values(record(found.readings, "readings")).forEach(parseReading);
  Object.values(record(found.failures, "failures")).forEach((one) => text(one, "failures"));
  number(found.layer, "layer");
  parseShape(found.shape);
  return value as Readings;
}

function parseCard(value: unknown): void {
  const card = record(value, "a card");
  for (const name of ["label_id", "sample_id", "filepath"]) text(card[name], name);
  if (list(card.box, "box").length !== 4) fail("box", card.box);
  if (card.mask !== null) text(card.mask, "mask");
  list(card.words, "words").forEach((one) => text(one, "words"));
  list(card.pieces, "pieces").forEach((one) => {
    const piece = record(one, "a piece");
    text(piece.text, "piece.text");
    number(piece.word, "piece.word");
  });
  if (card.reading !== null) parseReading(card.reading);
}

function parseReading(value: unknown): void {
  const reading = record(value, "a reading");
  for (const name of ["unread", "covered_by", "peaks"]) {
    list(reading[name], name).forEach((one) => number(one, name));
  }
  for (const name of ["scores", "best"]) {
    list(reading[name], name).forEach((one) => one === null || number(one, name));
  }
  if (typeof reading.seen !== "boolean") fail("seen", reading.seen);
  if (reading.coverage !== null) number(reading.coverage, "coverage");
  number(reading.grid, "grid");
  text(reading.maps, "maps");
}

function parseMethod(value: unknown): void {
  const method = record(value, "a method");
  text(method.source, "source");
  text(method.method, "method");
}

function parseShape(value: unknown): void {
  const shape = record(value, "a model's shape");
  text(shape.model, "model");
  for (const name of ["layers", "gradient_layers", "heads", "default_layer"]) {
    if (shape[name] !== null) number(shape[name], name);
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(name, value);
  return value as Record<string, unknown>;
}

function list(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) fail(name, value);
  return value as unknown[];
}

function text(value: unknown, name: string): void {
  if (typeof value !== "string") fail(name, value);
}

function number(value: unknown, name: string): void {
  if (typeof value !== "number") fail(name, value);
}

function fail(name: string, value: unknown): never {
  throw new Error(
    `The server sent no valid ${name}: ${String(JSON.stringify(value)).slice(0, 80)}. ` +
      "Reload the page; if it stays, plugin and bundle are of different versions.",
  );
}
