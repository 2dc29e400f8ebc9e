/** What panels/caption_steering.py sends, with the same names, and checks of it. */
import { check, checkAll, kindOf } from "./check";

export interface Piece {
  text: string;
  is_new: boolean;
}

export interface Segment {
  id: string;
  label: string;
  coverage: number | null;
  area: number | null;
  outline: string;
}

export interface BatchReport {
  summary: string;
  word: string | null;
  samples: number;
  changed: number;
  hits: number | null;
  before: number | null;
  lacking: number | null;
  gained: number | null;
  misses: number;
  failed: number;
  unweighted: number;
  without_subject: number;
  at_limit: number;
  stopped: boolean;
  waiting: number;
  /** How many of them stand beside a caption of the user's. */
  theirs: number;
}

export interface ImagePayload {
  sample_id: string;
  filepath: string;
  caption: string | null;
  /** What {subject} in a prompt stands for; null where the caption names none. */
  subject: string | null;
  caption_field: string;
  caption_fields: string[];
  itm: number | null;
  replaced: number;
  position: number | null;
  total: number;
  segments: Segment[];
  batch: BatchReport | null;
  undo: number;
  /** The caption is not ours: accepting writes over it. */
  theirs: boolean;
}

/** Why there is no image to steer. */
export type Missing = "dataset" | "captions" | "samples";

/** Row, column and how much of the patch the segment covers, 0..1. */
export type CoveredCell = [number, number, number];

export interface PlacePayload {
  sample_id: string;
  grid: number;
  crop: [number, number, number, number];
  cells: Record<string, CoveredCell[]>;
  default_prompt: string;
  itm: number | null;
  log_likelihood: number | null;
  streams: boolean;
}

export interface Attempt {
  text: string;
  prompt: string;
  pieces: Piece[];
  lost: string[];
  itm: number | null;
  log_likelihood: number | null;
  seconds: number;
}

export interface Trial {
  weight: number;
  probability: number;
  says_word: boolean;
  accepted: boolean;
  attempt: Attempt;
}

export interface SearchPayload {
  word: string;
  best: number | null;
  trials: Trial[];
}

export interface Suggestion {
  prompt: string;
  probability: number | null;
  text: string;
}

export type Scope = "selected" | "lasso" | "focus" | "last_lasso" | "view";
export type SegmentSource = "lasso" | "focus" | "last_lasso" | "label" | "patches" | "none";

export interface ScopesPayload {
  scopes: { key: Scope; count: number }[];
  sources: SegmentSource[];
  words: string[];
}

export interface Candidate {
  sample_id: string;
  filepath: string;
  pieces: Piece[];
  present: string | null;
  itm: number | null;
  present_itm: number | null;
  weight: number | null;
  says_word: boolean | null;
  theirs: boolean;
}

export interface CandidatesPayload {
  candidates: Candidate[];
  waiting: number;
  /** How many of them do not say the wanted word. */
  missed: number;
  /** How many stand beside a caption of the user's; of these, how many do not say the word. */
  theirs: number;
  missed_theirs: number;
}

/** What the operator stream_caption patches into the panel's data. */
export interface StreamData {
  id: string;
  text: string;
  attempt: Attempt | null;
  error: string | null;
  done: boolean;
}

/** What the operator steer_selection patches into the panel's data. */
export interface JobData {
  id: string;
  step: "steer" | "accept" | "undo";
  state: "running" | "done" | "failed";
  done: number;
  total: number;
  label: string;
  message: string | null;
}

const PIECE = { text: "string", is_new: "boolean" } as const;

export function parseImage(value: unknown): ImagePayload | { missing: Missing } {
  if (kindOf(value) === "object" && "missing" in (value as object)) {
    return check<{ missing: Missing }>("image", value, { missing: "string" });
  }
  const image = check<ImagePayload>("image", value, {
    sample_id: "string",
    filepath: "string",
    caption: "string?",
    subject: "string?",
    caption_field: "string",
    caption_fields: "array",
    itm: "number?",
    replaced: "number",
    position: "number?",
    total: "number",
    segments: "array",
    batch: "object?",
    undo: "number",
    theirs: "boolean",
  });
  checkAll("segments", image.segments, {
    id: "string",
    label: "string",
    coverage: "number?",
    area: "number?",
    outline: "string",
  });
  return image;
}

export function parsePlace(value: unknown): PlacePayload {
  return check<PlacePayload>("place", value, {
    sample_id: "string",
    grid: "number",
    crop: "array",
    cells: "object",
    default_prompt: "string",
    itm: "number?",
    log_likelihood: "number?",
    streams: "boolean",
  });
}

export function parseAttempt(value: unknown): Attempt {
  const attempt = check<Attempt>("attempt", value, {
    text: "string",
    prompt: "string",
    pieces: "array",
    lost: "array",
    itm: "number?",
    log_likelihood: "number?",
    seconds: "number",
  });
  checkAll("pieces", attempt.pieces, PIECE);
  return attempt;
}

export function parseSearch(value: unknown): SearchPayload {
  const search = check<SearchPayload>("search", value, {
    word: "string",
    best: "number?",
    trials: "array",
  });
  for (const trial of search.trials) {
    check("trial", trial, {
      weight: "number",
      probability: "number",
      says_word: "boolean",
      accepted: "boolean",
    });
    parseAttempt(trial.attempt);
  }
  return search;
}

export function parseSuggestions(value: unknown): Suggestion[] {
  const sent = check<{ suggestions: Suggestion[] }>("reply", value, { suggestions: "array" });
  checkAll("suggestions", sent.suggestions, {
    prompt: "string",
    probability: "number?",
    text: "string",
  });
  return sent.suggestions;
}

export function parseScopes(value: unknown): ScopesPayload {
  const sent = check<ScopesPayload>("scopes", value, {
    scopes: "array",
    sources: "array",
    words: "array",
  });
  checkAll("scopes", sent.scopes, { key: "string", count: "number" });
  return sent;
}

export function parseCandidates(value: unknown): CandidatesPayload {
  const sent = check<CandidatesPayload>("reply", value, {
    candidates: "array",
    waiting: "number",
    missed: "number",
    theirs: "number",
    missed_theirs: "number",
  });
  checkAll("candidates", sent.candidates, {
    sample_id: "string",
    filepath: "string",
    pieces: "array",
    present: "string?",
    itm: "number?",
    present_itm: "number?",
    weight: "number?",
    says_word: "boolean?",
    theirs: "boolean",
  });
  return sent;
}
