import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { latest } from "../shared/latest";
import type { Call } from "../shared/panel";
import { parseGraph, parsePairs } from "./parse";
import type { EmptyPayload, FocusPayload, GraphPayload, PaintPayload } from "./payloads";

export interface WordGraphModel {
  graph: GraphPayload | null;
  empty: EmptyPayload | null;
  loading: boolean;
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

const FIELD_KEY = "capviz-word-graph-field";

/**
 * The panel's data and what the user does to it.
 *
 * @param scope changes with the App's view, filters and lasso; undefined until Python has told it
 * @param recolor makes the plot fetch its colors again
 * @param dataset name of the App's dataset
 */
export function useWordGraph(
  call: Call,
  scope: string | undefined,
  recolor: (steps: Record<string, unknown>[]) => Promise<void>,
  dataset: string,
): WordGraphModel {
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
  focusNow.current = focus;
  const opened = useRef(false);
  const fail = useCallback((problem: unknown) => setError(messageOf(problem)), []);

  const calls = useMemo(
    () => ({
      graph: latest((params: Record<string, unknown>) => call<unknown>("graph", params)),
      focus: latest((params: Record<string, unknown>) => call<FocusPayload>("focus", params)),
      unfocus: latest(() => call<{ version: number }>("unfocus")),
    }),
    [call],
  );

  const paint = useCallback(
    async (version: number) => {
      const done = await call<PaintPayload>("paint", { version });
      if (done.message) setNotice(done.message);
      await recolor(done.recolor);
    },
    [call, recolor],
  );

  const field = payload && "caption_field" in payload ? payload.caption_field : null;
  const focusOn = useCallback(
    (words: readonly string[]) => {
      if (!words.length || field === null) return;
      setFocus(words);
      setFocused(null);
      setNotice(null);
      calls
        .focus({ words, caption_field: field })
        .then(async (reply) => {
          if (!reply) return; // a newer click is under way
          setFocused({ ...reply, pairs: reply.pairs && parsePairs(reply.pairs) });
          setError(null);
          await paint(reply.version);
        })
        .catch(fail);
    },
    [calls, fail, field, paint],
  );

  const unfocus = useCallback(() => {
    if (!focusNow.current.length) return;
    setFocus([]);
    setFocused(null);
    setNotice(null);
    calls
      .unfocus()
      .then(async (reply) => {
        if (reply) await paint(reply.version); // nothing where a newer focus has come meanwhile
      })
      .catch(fail);
  }, [calls, fail, paint]);

  const shown = useRef("");
  const before = useRef("");
  const scopeNow = useRef(scope);
  scopeNow.current = scope;
  const refocus = useRef(focusOn);
  refocus.current = focusOn;
  const ask = useCallback(() => {
    const wanted = JSON.stringify(asked);
    shown.current = `${scopeNow.current} ${wanted}`;
    setLoading(true);
    calls
      .graph({ caption_field: asked.field, search: asked.search, fresh: !opened.current })
      .then((reply) => {
        if (reply === undefined) return; // overtaken by a newer question
        const parsed = parseGraph(reply);
        opened.current = true;
        shown.current = `${parsed.key} ${wanted}`;
        setPayload(parsed);
        setError(null);
        setLoading(false);
        // The words in focus narrow a new view again; a lasso keeps the grid to itself.
        if ("empty" in parsed || parsed.key === before.current || parsed.lasso !== null) return;
        before.current = parsed.key;
        const known = new Set(parsed.words.map((one) => one.word));
        const words = focusNow.current.filter((word) => known.has(word));
        if (words.length) refocus.current(words);
        else setFocus([]);
      })
      .catch((problem: unknown) => {
        shown.current = ""; // the next change of the scope asks again
        setLoading(false);
        fail(problem);
      });
  }, [asked, calls, fail]);
  const open = payload !== null;
  useEffect(() => {
    if (open && scope === undefined) return;
    // The first question does not wait for Python's first word on the scope.
    const wanted = JSON.stringify(asked);
    const first = !open && shown.current.endsWith(wanted);
    if (!first && shown.current !== `${scope} ${wanted}`) ask();
  }, [scope, asked, ask, open]);

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
  return {
    graph,
    empty: payload && "empty" in payload ? payload : null,
    loading,
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
