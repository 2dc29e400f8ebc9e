/** What the gallery's view is given: a state, and what the user can do. */
import type { Card, Gallery, Method, Methods, Reading } from "../../payloads/segment_gallery";

export interface Settings {
  seed: number;
  size: number;
  signed: boolean;
  /** All segments in view, also while a word is in focus. */
  all: boolean;
  choice: Method | null;
}

export const DEFAULTS: Settings = { seed: 0, size: 12, signed: false, all: false, choice: null };

export interface Progress {
  done: number;
  total: number;
}

export interface GalleryState {
  gallery: Gallery | null;
  methods: Methods | null;
  settings: Settings;
  /** Whether cards are being fetched. */
  loading: boolean;
  /** Readings of the chosen method; null while the stored one is shown. */
  readings: Record<string, Reading> | null;
  /** What was shown before a method that is still being read. */
  previous: Record<string, Reading> | null;
  failures: Record<string, string>;
  /** How far the chosen method is; null when nothing is computed. */
  progress: Progress | null;
  error: string | null;
  /** Attribute that this panel colored the plot by; "" for none. */
  color: string;
}

export interface GalleryActions {
  set: (change: Partial<Settings>) => void;
  redraw: () => void;
  retry: () => void;
  recolor: (by: string) => void;
  analyze: () => void;
  open: (sampleId: string) => void;
}

/** What a card shows: the chosen method's reading, or the one before while it is waited for. */
export function shownReading(
  card: Card,
  state: GalleryState,
): { reading: Reading | null; waiting: boolean } {
  const { readings, previous, failures, progress } = state;
  if (readings === null) return { reading: card.reading, waiting: false };
  const fresh = readings[card.label_id];
  if (fresh) return { reading: fresh, waiting: false };
  const waiting = progress !== null && !(card.label_id in failures);
  if (!waiting) return { reading: null, waiting };
  return { reading: previous ? (previous[card.label_id] ?? null) : card.reading, waiting };
}
