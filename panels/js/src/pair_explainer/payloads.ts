/** What panels/pair_explainer.py sends, with the same names, and checks of it. */
import { check, checkAll, kindOf } from "../shared/check";

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
}

/** Row, column and how much of the patch the segment owns, 0..1. */
export type OwnedCell = [number, number, number];

export interface PairPayload {
  sample_id: string;
  caption: string;
  words: Word[];
  grid: number;
  /** What the grid shows of the image. */
  crop: Box;
  /** float32 "words p p" in base64. */
  maps: string;
  cells: Record<string, OwnedCell[]>;
  score: number;
  /** Null for methods that promise no sum. */
  exact: number | null;
  completeness_error: number | null;
  relative_error: number | null;
  encoder: string;
  method: string;
  layer: number;
  layers: number;
  notes: string[];
  seconds: number;
}

/** Two images, "patches patches", or two captions, "words words". */
export interface RelationPayload {
  rows: number;
  columns: number;
  /** float32 "rows columns" in base64. */
  matrix: string;
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
  checkAll("methods", image.methods, { value: "string", label: "string", hint: "string" });
  return image;
}

export function parsePair(value: unknown): PairPayload {
  const pair = check<PairPayload>("pair", value, {
    sample_id: "string",
    caption: "string",
    words: "array",
    grid: "number",
    crop: "array",
    maps: "string",
    cells: "object",
    score: "number",
    exact: "number?",
    completeness_error: "number?",
    relative_error: "number?",
    encoder: "string",
    method: "string",
    layer: "number",
    layers: "number",
    notes: "array",
    seconds: "number",
  });
  checkAll("words", pair.words, {
    text: "string",
    start: "number",
    end: "number",
    content: "boolean",
  });
  return pair;
}

export function parseRelation(value: unknown): RelationPayload {
  return check<RelationPayload>("relation", value, {
    rows: "number",
    columns: "number",
    matrix: "string",
  });
}
