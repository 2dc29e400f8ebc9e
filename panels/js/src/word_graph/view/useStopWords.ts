import { useCallback, useRef } from "react";
import type { Call } from "../../host/panel";
import { parsePaint } from "../../payloads/word_graph";

export interface StopWords {
  makeStopWord: (word: string) => void;
  undoStopWords: () => void;
}

/**
 * Changes the dataset's own stop words; one change at a time.
 *
 * @param recolor makes the plot fetch its colors again
 * @param onChanged told what Python did, once it is done
 */
export function useStopWords(
  call: Call,
  captionField: string | null,
  recolor: (steps: Record<string, unknown>[]) => Promise<void>,
  fail: (problem: unknown) => void,
  onChanged: (message: string) => void,
): StopWords {
  const running = useRef(false);
  const change = useCallback(
    async (event: string, params: Record<string, unknown>) => {
      if (running.current) return; // a second click on the same
      running.current = true;
      try {
        const done = parsePaint(
          await call<unknown>(event, { ...params, caption_field: captionField }),
        );
        onChanged(done.message);
        await recolor(done.recolor);
      } catch (problem) {
        fail(problem);
      } finally {
        running.current = false;
      }
    },
    [call, captionField, recolor, fail, onChanged],
  );
  const makeStopWord = useCallback((word: string) => void change("stop_word", { word }), [change]);
  const undoStopWords = useCallback(() => void change("undo_stop_words", {}), [change]);
  return { makeStopWord, undoStopWords };
}
