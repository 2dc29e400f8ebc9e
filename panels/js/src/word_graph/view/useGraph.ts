import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { latest } from "../../asking/latest";
import { goFirst } from "../../asking/turns";
import type { Call } from "../../host/panel";
import { parseGraph, type EmptyPayload, type GraphPayload } from "../../payloads/word_graph";

/** The caption field, null for the default one, and a search for words beyond those sent. */
export interface Question {
  field: string | null;
  search: string;
}

export interface Graph {
  payload: GraphPayload | EmptyPayload | null;
  loading: boolean;
  /** Asks for the graph again. */
  ask: () => void;
}

/**
 * The graph of the captions in view, asked for again whenever they have changed.
 *
 * @param onGraph told of each graph, and whether it is the first
 */
export function useGraph(
  call: Call,
  asked: Question,
  scope: string | undefined,
  seen: string,
  onGraph: (graph: GraphPayload | EmptyPayload, first: boolean) => void,
  fail: (problem: unknown) => void,
  setError: (error: null) => void,
): Graph {
  const [payload, setPayload] = useState<GraphPayload | EmptyPayload | null>(null);
  const [loading, setLoading] = useState(true);
  const opened = useRef(false);
  const fetchGraph = useMemo(
    () => latest((params: Record<string, unknown>) => goFirst(call<unknown>("graph", params))),
    [call],
  );
  const shown = useRef("");
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
    fetchGraph({ caption_field: asked.field, search: asked.search, fresh: !opened.current })
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
        onGraph(parsed, first);
      })
      .catch((problem: unknown) => {
        shown.current = ""; // the next change of the scope asks again
        ahead.current = false;
        setLoading(false);
        fail(problem);
      });
  }, [asked, fetchGraph, fail, onGraph, setError]);

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
  return { payload, loading, ask };
}
