/** The words on the shown cards by the chosen method, fetched in portions. */
import { useEffect, useRef, useState } from "react";
import type { Call } from "../../host/panel";
import {
  parseReadings,
  type Gallery,
  type Method,
  type Methods,
  type Reading,
  type Shape,
} from "../../payloads/segment_gallery";
import {
  byImage,
  choiceKey,
  isStored,
  methodValue,
  portion,
  shapeOf,
  type Pace,
} from "../model/methods";
import type { Progress } from "../model/state";

export interface ChosenReadings {
  /** Null while the stored readings are the chosen ones. */
  readings: Record<string, Reading> | null;
  /** What was shown before, until the chosen ones arrive. */
  previous: Record<string, Reading> | null;
  failures: Record<string, string>;
  progress: Progress | null;
  error: string | null;
}

const NOTHING: ChosenReadings = {
  readings: null,
  previous: null,
  failures: {},
  progress: null,
  error: null,
};

/**
 * Fetches the readings of a choice; those of a choice that was overtaken are dropped.
 *
 * @param attempt changes when the user wants to try again
 */
export function useReadings(
  call: Call,
  gallery: Gallery | null,
  choice: Method | null,
  methods: Methods | null,
  attempt: number,
  onShape: (source: string, shape: Shape) => void,
): ChosenReadings {
  const [chosen, setChosen] = useState<ChosenReadings>(NOTHING);
  const kept = useRef(new Map<string, Record<string, Reading>>());
  const paces = useRef(new Map<string, Pace>());
  const cards = useRef<Gallery["cards"] | null>(null);
  const stored =
    !gallery || choice === null || isStored(choice, gallery.stored, shapeOf(choice, methods));
  const key = stored ? null : choiceKey(choice);

  useEffect(() => {
    if (!gallery) return undefined;
    if (cards.current !== gallery.cards) {
      cards.current = gallery.cards;
      kept.current.clear();
    }
    if (key === null || choice === null || !gallery.cards.length) {
      setChosen(NOTHING);
      return undefined;
    }
    let wanted = true;
    const readings = { ...kept.current.get(key) };
    const failures: Record<string, string> = {};
    const pending = byImage(gallery.cards).filter(([, label]) => !(label in readings));
    const show = (error: string | null, done: boolean) =>
      setChosen((before) => ({
        readings: { ...readings },
        previous: before.progress ? before.previous : before.readings,
        failures: { ...failures },
        progress:
          done || error
            ? null
            : { done: gallery.cards.length - pending.length, total: gallery.cards.length },
        error,
      }));
    const run = async () => {
      // The server keeps a method's maps of all layers and heads: the next choice is quicker.
      const method = methodValue(choice);
      let last = paces.current.get(method) ?? null;
      show(null, pending.length === 0);
      while (wanted && pending.length) {
        const part = pending.slice(0, portion(last));
        const started = performance.now();
        const answer = parseReadings(
          await call("read", {
            ...choice,
            cards: part,
            caption_field: gallery.caption_field,
            segments_field: gallery.segments_field,
          }),
        );
        if (!wanted) return;
        const seconds = (performance.now() - started) / 1000;
        // The first portion may have waited for the model to be loaded.
        last = { size: part.length, seconds: last ? seconds : Math.min(seconds, 1) };
        paces.current.set(method, last);
        pending.splice(0, part.length);
        Object.assign(readings, answer.readings);
        Object.assign(failures, answer.failures);
        kept.current.set(key, { ...readings });
        onShape(choice.source, answer.shape);
        show(null, pending.length === 0);
      }
    };
    run().catch((error: Error) => wanted && show(error.message, true));
    return () => {
      wanted = false;
    };
    // The choice is in its key; what is shown does not depend on the methods once it is.
  }, [call, gallery, key, attempt]); // eslint-disable-line react-hooks/exhaustive-deps

  return key === null ? NOTHING : chosen;
}
