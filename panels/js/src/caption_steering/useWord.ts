import * as React from "react";
import { latest } from "../shared/latest";
import type { Call } from "../shared/panel";
import { sentSettings, type Settings } from "./history";
import {
  parseSearch,
  parseSuggestions,
  type Attempt,
  type ImagePayload,
  type PlacePayload,
  type SearchPayload,
  type Suggestion,
  type Trial,
} from "./payloads";

const PAUSE = 500;

/** The word goes along from image to image, also while the panel is behind another tab. */
let carried = "";

/** The wanted word: prompts that lead to it, and the weight that says it. */
export function useWord(
  call: Call,
  image: ImagePayload | null,
  place: PlacePayload | null,
  settings: Settings,
  onTake: (attempt: Attempt, settings: Settings) => void,
) {
  const [word, setWordState] = React.useState(carried);
  const [search, setSearch] = React.useState<SearchPayload | null>(null);
  const [searching, setSearching] = React.useState(false);
  const [error, setError] = React.useState<string | null>(null);
  const [suggestions, setSuggestions] = React.useState<Suggestion[]>([]);
  const sampleId = image?.sample_id;
  const field = image?.caption_field;
  const ready = place !== null && place.sample_id === sampleId;

  const calls = React.useMemo(
    () => ({
      suggest: latest((params: Record<string, unknown>) =>
        call<unknown>("suggest", params).then(parseSuggestions),
      ),
      find: latest((params: Record<string, unknown>) =>
        call<unknown>("find_weight", params).then(parseSearch),
      ),
    }),
    [call],
  );

  React.useEffect(() => {
    setSearch(null);
    setError(null);
  }, [sampleId, field]);

  React.useEffect(() => {
    if (!ready) return;
    const timer = window.setTimeout(
      () => {
        calls
          .suggest({ sample_id: sampleId, caption_field: field, word: word.trim() })
          .then((found) => found && setSuggestions(found))
          .catch((reason: Error) => {
            setSuggestions([]);
            setError(reason.message);
          });
      },
      word ? PAUSE : 0,
    );
    return () => window.clearTimeout(timer);
  }, [calls, ready, sampleId, field, word]);

  const setWord = (next: string) => {
    carried = next;
    setWordState(next);
    setSearch(null);
    setError(null);
  };

  const withWeight = (weight: number): Settings => ({
    ...settings,
    selections: settings.selections.map((one, index) =>
      index === settings.active ? { ...one, weight } : one,
    ),
  });
  const take = (trial: Trial) => onTake(trial.attempt, withWeight(trial.weight));

  const find = () => {
    setSearching(true);
    setError(null);
    calls
      .find({
        sample_id: sampleId,
        caption_field: field,
        dials: sentSettings(settings),
        turned: settings.active,
        word: word.trim(),
      })
      .then((found) => {
        if (!found) return;
        setSearch(found);
        if (found.best !== null) take(found.trials[found.best]);
      })
      .catch((reason: Error) => setError(reason.message))
      .finally(() => setSearching(false));
  };

  return { word, setWord, search, searching, error, suggestions, find, take };
}
