/** Where words stood and which are pinned, kept in the browser over views and reloads. */

export interface Remembered {
  x: number;
  y: number;
  pinned: boolean;
}

export interface Viewport {
  x: number;
  y: number;
  k: number;
  width: number;
  height: number;
}

export interface Memory {
  words: Map<string, Remembered>;
  viewport: Viewport | null;
}

type Store = Pick<Storage, "getItem" | "setItem">;

const PREFIX = "capviz-word-graph";
const MOST = 5000;

/** One memory for each dataset and caption field. */
export function memoryKey(dataset: string, captionField: string): string {
  return `${PREFIX}:${dataset}:${captionField}`;
}

/** What was kept, or an empty memory where it cannot be read. */
export function loadMemory(store: Store | undefined, key: string): Memory {
  const empty: Memory = { words: new Map(), viewport: null };
  try {
    const kept = JSON.parse(store?.getItem(key) ?? "null") as {
      words?: Record<string, [number, number, 0 | 1]>;
      viewport?: Viewport | null;
    } | null;
    if (!kept?.words) return empty;
    for (const [word, [x, y, pinned]] of Object.entries(kept.words)) {
      if (Number.isFinite(x) && Number.isFinite(y)) {
        empty.words.set(word, { x, y, pinned: pinned === 1 });
      }
    }
    const view = kept.viewport;
    if (view && [view.x, view.y, view.k, view.width, view.height].every(Number.isFinite)) {
      empty.viewport = view;
    }
  } catch {
    // Another version's entry, or none may be read: the layout starts afresh.
  }
  return empty;
}

/** Keeps it; a full or forbidden store is no reason to stop. */
export function saveMemory(store: Store | undefined, key: string, memory: Memory): void {
  const entries = [...memory.words].slice(-MOST);
  const words = Object.fromEntries(
    entries.map(([word, { x, y, pinned }]) => [word, [round(x), round(y), pinned ? 1 : 0]]),
  );
  try {
    store?.setItem(key, JSON.stringify({ words, viewport: memory.viewport }));
  } catch {
    // Positions live on in this page.
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
