import * as React from "react";
import { sameWords, strongestWord, type Pair } from "../model/maps";
import type { Region } from "../model/region";
import type { Choice, Compare } from "../model/shown";

export type ActiveChoice = Choice & ChoiceActions;

export interface ChoiceActions {
  toggle: (word: number) => void;
  choose: (words: Iterable<number>) => void;
  setRegion: (region: Region | null) => void;
}

/**
 * The words and the region that are chosen on one side.
 *
 * Another caption keeps the words that it has, too; where it has none, `start` says which word is
 * chosen, by default the one that counts most. Another image has no region yet.
 */
export function useChoice(
  pair: Pair | null,
  start: (pair: Pair) => number[] = strongestWord,
): ActiveChoice {
  const [words, setWords] = React.useState<ReadonlySet<number>>(new Set());
  const [region, setRegion] = React.useState<Region | null>(null);
  const known = React.useRef<Pair | null>(null);
  const begin = React.useRef(start);
  begin.current = start;

  // Before the browser paints: words of one caption are never shown as chosen in another.
  React.useLayoutEffect(() => {
    if (!pair) return;
    const before = known.current;
    known.current = pair;
    if (before && before.sample_id !== pair.sample_id) setRegion(null);
    if (before?.caption === pair.caption) return;
    setWords((now) => {
      const texts = new Set([...now].map((word) => before?.words[word]?.text.toLowerCase()));
      const kept = pair.words.flatMap(({ text }, i) => (texts.has(text.toLowerCase()) ? [i] : []));
      return new Set(kept.length ? kept : begin.current(pair));
    });
  }, [pair]);

  const actions = React.useMemo(
    () => ({
      toggle: (word: number) =>
        setWords((now) => {
          const next = new Set(now);
          if (!next.delete(word)) next.add(word);
          return next;
        }),
      choose: (chosen: Iterable<number>) => setWords(new Set(chosen)),
      setRegion,
    }),
    [],
  );
  return { words, region, ...actions };
}

/** The choices of both sides; the second begins with the words that the first has chosen. */
export function useBothChoices(
  pair: Pair | null,
  second: Pair | null,
  { compare, together }: { compare: Compare; together: boolean },
): [ActiveChoice, ActiveChoice] {
  const one = useChoice(pair);
  const likeFirst = (found: Pair) => {
    const same = pair ? sameWords(one.words, pair, found) : [];
    return same.length ? same : strongestWord(found);
  };
  const other = useChoice(second, likeFirst);
  // One image: one region. One caption: one choice of words.
  const shared = {
    ...other,
    ...(compare === "caption" ? { region: one.region, setRegion: one.setRegion } : null),
    ...(compare === "image" && !together
      ? { words: one.words, toggle: one.toggle, choose: one.choose }
      : null),
  };
  return [one, shared];
}
