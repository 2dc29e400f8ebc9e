import { useCallback, useEffect, useState } from "react";
import { useAsking } from "../../asking/useAsking";
import type { Call } from "../../host/panel";
import type { EmptyPayload, FocusPayload, GraphPayload } from "../../payloads/word_graph";
import { messageOf } from "./messageOf";
import { useFocus } from "./useFocus";
import { useGraph, type Question } from "./useGraph";
import { useStopWords } from "./useStopWords";

export interface WordGraphModel {
  graph: GraphPayload | null;
  empty: EmptyPayload | null;
  loading: boolean;
  /** Whether anything is asked of Python, colors too. */
  busy: boolean;
  error: string | null;
  notice: string | null;
  /** Words in focus, in the order of the clicks. */
  focus: readonly string[];
  /** What Python answered to the focus; null until it has. */
  focused: FocusPayload | null;
  captionField: string | null;
  choose: (captionField: string) => void;
  find: (search: string) => void;
  focusOn: (words: readonly string[]) => void;
  unfocus: () => void;
  /** Leaves a word out of all counts of the dataset, for good. */
  makeStopWord: (word: string) => void;
  /** Takes the last change of the stop words back. */
  undoStopWords: () => void;
  fail: (error: unknown) => void;
  dismiss: () => void;
  /** Asks for the graph again. */
  retry: () => void;
}

/** Milliseconds that the grid may stay whole while a word is in focus: the App narrows it later. */
const GIVEN_BACK = 800;

const FIELD_KEY = "capviz-word-graph-field";

/**
 * The panel's data and what the user does to it.
 *
 * @param uncounted calls Python
 * @param scope told by Python: changes with the captions and what they are counted of; undefined at first
 * @param recolor makes the plot fetch its colors again
 * @param dataset name of the App's dataset
 * @param seen changes with the App's view, filters and lasso: known to the browser before Python
 * @param narrowed whether the App's grid is narrowed to some samples; undefined where it is unknown
 */
export function useWordGraph(
  uncounted: Call,
  scope: string | undefined,
  recolor: (steps: Record<string, unknown>[]) => Promise<void>,
  dataset: string,
  seen = "",
  narrowed?: boolean,
): WordGraphModel {
  const [call, asking] = useAsking(uncounted);
  const [error, setError] = useState<string | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [asked, setAsked] = useState<Question>({ field: readField(dataset), search: "" });
  const fail = useCallback((problem: unknown) => setError(messageOf(problem)), []);
  const focusing = useFocus(call, recolor, fail, setError, setNotice);
  const { focus, focused, wishFor, unfocus, onGraph } = focusing;
  const { payload, loading, ask } = useGraph(call, asked, scope, seen, onGraph, fail, setError);

  const field = payload && "caption_field" in payload ? payload.caption_field : null;
  const focusOn = useCallback(
    (words: readonly string[]) => {
      if (words.length && field !== null) wishFor(words, field);
    },
    [field, wishFor],
  );
  const choose = useCallback(
    (chosen: string) => {
      unfocus();
      writeField(dataset, chosen);
      setAsked((before) => ({ ...before, field: chosen }));
    },
    [dataset, unfocus],
  );
  const find = useCallback((search: string) => setAsked((before) => ({ ...before, search })), []);
  const dismiss = useCallback(() => {
    setError(null);
    setNotice(null);
  }, []);

  const onChanged = useCallback(
    (message: string) => {
      setError(null);
      setNotice(message);
      ask();
    },
    [ask],
  );
  const stopWords = useStopWords(call, field, recolor, fail, onChanged);

  const graph = payload && !("empty" in payload) ? payload : null;
  const empty = payload && "empty" in payload ? payload : null;
  const busy = loading || asking;
  // Who clears the App's selection has the whole grid back, and means no word any more.
  const given = narrowed === false && !busy && focused !== null && graph?.lasso === null;
  useEffect(() => {
    if (!given) return;
    const timer = setTimeout(unfocus, GIVEN_BACK);
    return () => clearTimeout(timer);
  }, [given, unfocus]);
  const known = { graph, empty, loading, busy, error, notice, focus, focused };
  const actions = { choose, find, focusOn, unfocus, fail, dismiss, retry: ask, ...stopWords };
  return { ...known, captionField: field, ...actions };
}

function readField(dataset: string): string | null {
  try {
    return window.localStorage.getItem(`${FIELD_KEY}:${dataset}`);
  } catch {
    return null;
  }
}

function writeField(dataset: string, field: string): void {
  try {
    window.localStorage.setItem(`${FIELD_KEY}:${dataset}`, field);
  } catch {
    // The choice lasts for this page.
  }
}
