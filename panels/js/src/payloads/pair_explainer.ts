/** What panels/pair_explainer.py sends, with the same names, and checks of it. */
import { check, checkAll, kindOf } from "./check";

/** Left, top, width, height, as shares of the image. */
export type Box = [number, number, number, number];

export interface Segment {
  id: string;
  label: string;
  area: number | null;
  outline: string;
}

export interface MethodOption {
  value: string;
  label: string;
  hint: string;
  /** Whether a layer has a say. */
  layered: boolean;
}

export interface ImagePayload {
  sample_id: string;
  filepath: string;
  caption: string | null;
  caption_field: string | null;
  caption_fields: string[];
  position: number | null;
  total: number;
  segments: Segment[];
  /** The encoder of the family that the analysis used. */
  encoder: string;
  encoders: string[];
  methods: MethodOption[];
}

/** Why there is no image to explain. */
export type Missing = "dataset" | "samples";

export interface Word {
  text: string;
  start: number;
  end: number;
  content: boolean;
  /** False beyond what the encoder reads: the word has no attribution. */
  read: boolean;
}

/** Row, column and how much of the patch the segment owns, 0..1. */
export type OwnedCell = [number, number, number];

export interface PairPayload {
  sample_id: string;
  caption: string;
  words: Word[];
  grid: number;
  /** Of the image, in pixels. */
  width: number;
  height: number;
  /** Left, top, right, bottom of what the model sees, in pixels. */
  seen: [number, number, number, number];
  /** float32 "words p p" in base64. */
  maps: string;
  /** What the words have with the patches, and with the image's CLS; and what belongs to no word. */
  on_patches: number;
  on_cls: number;
  rest: number;
  cells: Record<string, OwnedCell[]>;
  /** Why a segment says nothing; of those that do not. */
  problems: Record<string, string>;
  score: number;
  /** Null for methods that promise no sum. */
  exact: number | null;
  completeness_error: number | null;
  relative_error: number | null;
  encoder: string;
  method: string;
  /** Of image and text, zero-based, null where the method has none; the image's, and the default. */
  layer: number | null;
  text_layer: number | null;
  layers: number;
  default_layer: number;
  notes: string[];
  seconds: number;
}

/** Two images, "patches patches", or two captions, "words words". */
export interface RelationPayload {
  rows: number;
  columns: number;
  /** float32 "rows columns" in base64. */
  matrix: string;
  method: string;
  score: number;
  /** The sum of the matrix, and what is not in it: special tokens, punctuation, CLS. */
  inside: number;
  rest: number;
  exact: number | null;
  completeness_error: number | null;
  relative_error: number | null;
  /** Of both sides; null where the method has none. */
  layer: number | null;
  notes: string[];
  seconds: number;
}

export function parseImage(value: unknown): ImagePayload | { missing: Missing } {
  if (kindOf(value) === "object" && "missing" in (value as object)) {
    return check<{ missing: Missing }>("image", value, { missing: "string" });
  }
  const image = check<ImagePayload>("image", value, {
    sample_id: "string",
    filepath: "string",
    caption: "string?",
    caption_field: "string?",
    caption_fields: "array",
    position: "number?",
    total: "number",
    segments: "array",
    encoder: "string",
    encoders: "array",
    methods: "array",
  });
  checkAll("segments", image.segments, {
    id: "string",
    label: "string",
    area: "number?",
    outline: "string",
  });
  checkAll("methods", image.methods, {
    value: "string",
    label: "string",
    hint: "string",
    layered: "boolean",
  });
  return image;
}

export function parsePair(value: unknown): PairPayload {
  const pair = check<PairPayload>("pair", value, {
    sample_id: "string",
    caption: "string",
    words: "array",
    grid: "number",
    width: "number",
    height: "number",
    seen: "array",
    maps: "string",
    on_patches: "number",
    on_cls: "number",
    rest: "number",
    cells: "object",
    problems: "object",
    score: "number",
    exact: "number?",
    completeness_error: "number?",
    relative_error: "number?",
    encoder: "string",
    method: "string",
    layer: "number?",
    text_layer: "number?",
    layers: "number",
    default_layer: "number",
    notes: "array",
    seconds: "number",
  });
  checkAll("words", pair.words, {
    text: "string",
    start: "number",
    end: "number",
    content: "boolean",
    read: "boolean",
  });
  return pair;
}

export function parseRelation(value: unknown): RelationPayload {
  return check<RelationPayload>("relation", value, {
    rows: "number",
    columns: "number",
    matrix: "string",
    method: "string",
    score: "number",
    inside: "number",
    rest: "number",
    exact: "number?",
    completeness_error: "number?",
    relative_error: "number?",
    layer: "number?",
    notes: "array",
    seconds: "number",
  });
}

/** How many seconds the answer would take, where that is sent in its place; else null. */
export function parseWait(value: unknown): number | null {
  if (kindOf(value) !== "object" || !("wait" in (value as object))) return null;
  return check<{ wait: number }>("answer", value, { wait: "number" }).wait;
}
