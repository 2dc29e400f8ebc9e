import { useCallback, useMemo, useRef, useState } from "react";
import { latest } from "../../asking/latest";
import { oneByOne } from "../../asking/wishes";
import type { Call } from "../../host/panel";
import {
  parseFocus,
  parsePaint,
  parseVersion,
  type EmptyPayload,
  type FocusPayload,
  type GraphPayload,
} from "../../payloads/word_graph";

/** Words to narrow the grid to; null gives it back. */
type Wish = { words: readonly string[]; caption_field: string } | null;

export interface Focusing {
  /** Words in focus, in the order of the clicks. */
  focus: readonly string[];
  /** What Python answered to the focus; null until it has. */
  focused: FocusPayload | null;
  wishFor: (words: readonly string[], captionField: string) => void;
  unfocus: () => void;
  /** Takes the focus along to another graph. */
  onGraph: (graph: GraphPayload | EmptyPayload, first: boolean) => void;
}

/**
 * The words in focus: the grid is narrowed to their images, and the plot colored by them.
 *
 * @param recolor makes the plot fetch its colors again
 */
export function useFocus(
  call: Call,
  recolor: (steps: Record<string, unknown>[]) => Promise<void>,
  fail: (problem: unknown) => void,
  setError: (error: null) => void,
  setNotice: (notice: string | null) => void,
): Focusing {
  const [focus, setFocus] = useState<readonly string[]>([]);
  const [focused, setFocused] = useState<FocusPayload | null>(null);
  const focusNow = useRef(focus);
  const paint = usePaint(call, recolor, fail, setNotice);

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
    [call, fail, paint, setError],
  );
  const wishFor = useCallback(
    (words: readonly string[], captionField: string) => {
      focusNow.current = words;
      setFocus(words);
      setFocused(null);
      setNotice(null);
      send(words.length ? { words, caption_field: captionField } : null);
    },
    [send, setNotice],
  );
  const unfocus = useCallback(() => {
    if (focusNow.current.length) wishFor([], "");
  }, [wishFor]);

  const before = useRef("");
  const onGraph = useCallback(
    (graph: GraphPayload | EmptyPayload, first: boolean) => {
      if ("empty" in graph) return;
      if (graph.cleared !== undefined) paint(graph.cleared);
      // The words in focus narrow a new view again; a lasso keeps the grid to itself.
      if (graph.key === before.current || graph.lasso !== null) return;
      before.current = graph.key;
      const known = new Set(graph.words.map((one) => one.word));
      // The grid may still be narrowed from before the panel was closed.
      const held = first && !focusNow.current.length ? graph.focus : focusNow.current;
      const words = held.filter((word) => known.has(word));
      if (held.length) wishFor(words, graph.caption_field);
    },
    [paint, wishFor],
  );
  return { focus, focused, wishFor, unfocus, onGraph };
}

/** Colors the plot by a version of the focus. */
function usePaint(
  call: Call,
  recolor: (steps: Record<string, unknown>[]) => Promise<void>,
  fail: (problem: unknown) => void,
  setNotice: (notice: string) => void,
): (version: number) => void {
  const ask = useMemo(
    () => latest((version: number) => call<unknown>("paint", { version }).then(parsePaint)),
    [call],
  );
  return useCallback(
    (version: number) => {
      ask(version)
        .then(async (done) => {
          if (!done) return; // a newer focus is painted
          if (done.message) setNotice(done.message);
          await recolor(done.recolor);
        })
        .catch(fail);
    },
    [ask, fail, recolor, setNotice],
  );
}
