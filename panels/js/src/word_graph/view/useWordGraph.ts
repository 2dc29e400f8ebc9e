import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { latest } from "../../asking/latest";
import type { Call } from "../../host/panel";
import { goFirst } from "../../asking/turns";
import { oneByOne } from "../../asking/wishes";
import { parseFocus, parseGraph, parsePaint, parseVersion } from "../../payloads/word_graph";
import type { EmptyPayload, FocusPayload, GraphPayload } from "../../payloads/word_graph";
import { useAsking } from "../../asking/useAsking";

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
  fail: (error: unknown) => void;
  dismiss: () => void;
  /** Asks for the graph again. */
  retry: () => void;
}

/** Words to narrow the grid to; null gives it back. */
type Wish = { words: readonly string[]; caption_field: string } | null;

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
  const [payload, setPayload] = useState<GraphPayload | EmptyPayload | null>(null);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<string | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [focus, setFocus] = useState<readonly string[]>([]);
  const [focused, setFocused] = useState<FocusPayload | null>(null);
  const [asked, setAsked] = useState<{ field: string | null; search: string }>({
    field: readField(dataset),
    search: "",
  });
  const focusNow = useRef(focus);
  const opened = useRef(false);
  const fail = useCallback((problem: unknown) => setError(messageOf(problem)), []);

  const calls = useMemo(
    () => ({
      graph: latest((params: Record<string, unknown>) => goFirst(call<unknown>("graph", params))),
      paint: latest((version: number) => call<unknown>("paint", { version }).then(parsePaint)),
    }),
    [call],
  );

  const paint = useCallback(
    (version: number) => {
      calls
        .paint(version)
        .then(async (done) => {
          if (!done) return; // a newer focus is painted
          if (done.message) setNotice(done.message);
          await recolor(done.recolor);
        })
        .catch(fail);
    },
    [calls, fail, recolor],
  );

  const send = useMemo(
    () =>
      oneByOne<Wish>(async (wish, newest) => {
        try {
          if (wish === null) {
            const version = parseVersion(await call<unknown>("unfocus"));
            if (newest()) paint(version);
            return;
          }
          const reply = parseFocus(await call<unknown>("focus", { ...wish }));
          if (!newest()) return;
          setFocused(reply);
          setError(null);
          // The next wish does not wait for the colors: Python stops painting what is outdated.
          paint(reply.version);
        } catch (problem) {
          if (newest()) fail(problem);
        }
      }),
    [call, fail, paint],
  );

  const field = payload && "caption_field" in payload ? payload.caption_field : null;
  const wishFor = useCallback(
    (words: readonly string[], captionField: string) => {
      focusNow.current = words;
      setFocus(words);
      setFocused(null);
      setNotice(null);
      send(words.length ? { words, caption_field: captionField } : null);
    },
    [send],
  );
  const focusOn = useCallback(
    (words: readonly string[]) => {
      if (words.length && field !== null) wishFor(words, field);
    },
    [field, wishFor],
  );
  const unfocus = useCallback(() => {
    if (focusNow.current.length) wishFor([], "");
  }, [wishFor]);

  const shown = useRef("");
  const before = useRef("");
  const scopeNow = useRef(scope);
  scopeNow.current = scope;
  /** A question was asked before Python told of the scope that it is about. */
  const ahead = useRef(false);
  const [passed, setPassed] = useState(0);
  const ask = useCallback(() => {
    const wanted = JSON.stringify(asked);
    const told = scopeNow.current;
    shown.current = `${told} ${wanted}`;
    setLoading(true);
    calls
      .graph({ caption_field: asked.field, search: asked.search, fresh: !opened.current })
      .then((reply) => {
        if (reply === undefined) return; // overtaken by a newer question
        const parsed = parseGraph(reply);
        const first = !opened.current;
        opened.current = true;
        shown.current = `${parsed.key} ${wanted}`;
        ahead.current = false;
        // What Python has told meanwhile, and the effect below has let pass, is something else.
        if (scopeNow.current !== told && scopeNow.current !== parsed.key) setPassed((n) => n + 1);
        setPayload(parsed);
        setError(null);
        setLoading(false);
        if ("empty" in parsed) return;
        if (parsed.cleared !== undefined) paint(parsed.cleared);
        // The words in focus narrow a new view again; a lasso keeps the grid to itself.
        if (parsed.key === before.current || parsed.lasso !== null) return;
        before.current = parsed.key;
        const known = new Set(parsed.words.map((one) => one.word));
        // The grid may still be narrowed from before the panel was closed.
        const held = first && !focusNow.current.length ? parsed.focus : focusNow.current;
        const words = held.filter((word) => known.has(word));
        if (held.length) wishFor(words, parsed.caption_field);
      })
      .catch((problem: unknown) => {
        shown.current = ""; // the next change of the scope asks again
        ahead.current = false;
        setLoading(false);
        fail(problem);
      });
  }, [asked, calls, fail, paint, wishFor]);
  const open = payload !== null;
  const seenBefore = useRef(seen);
  useEffect(() => {
    if (seenBefore.current === seen) return;
    seenBefore.current = seen;
    if (!open) return;
    ahead.current = true;
    ask();
  }, [seen, open, ask]);
  useEffect(() => {
    if (ahead.current || (open && scope === undefined)) return;
    // The first question does not wait for Python's first word on the scope.
    const wanted = JSON.stringify(asked);
    const first = !open && shown.current.endsWith(wanted);
    if (!first && shown.current !== `${scope} ${wanted}`) ask();
  }, [scope, asked, ask, open, passed]);

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

  const graph = payload && !("empty" in payload) ? payload : null;
  const busy = loading || asking;
  // Who clears the App's selection has the whole grid back, and means no word any more.
  const given = narrowed === false && !busy && focused !== null && graph?.lasso === null;
  useEffect(() => {
    if (!given) return;
    const timer = setTimeout(unfocus, GIVEN_BACK);
    return () => clearTimeout(timer);
  }, [given, unfocus]);
  return {
    graph,
    empty: payload && "empty" in payload ? payload : null,
    loading,
    busy,
    error,
    notice,
    focus,
    focused,
    captionField: field,
    choose,
    find,
    focusOn,
    unfocus,
    fail,
    dismiss,
    retry: ask,
  };
}

/** The message of anything thrown. */
export function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
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
