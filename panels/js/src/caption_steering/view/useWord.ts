import * as React from "react";
import { latest } from "../../asking/latest";
import type { Call } from "../../host/panel";
import {
  parseSearch,
  parseSuggestions,
  type Attempt,
  type ImagePayload,
  type PlacePayload,
  type SearchPayload,
  type Suggestion,
  type Trial,
} from "../../payloads/caption_steering";
import { sameSettings, sentSettings, withWeight, type Settings } from "../model/settings";

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
  const sampleId = image?.sample_id;
  const field = image?.caption_field;
  const newest = React.useRef(settings);
  newest.current = settings;
  /** Counts what makes a sweep obsolete: another image, another word, another sweep. */
  const question = React.useRef(0);
  /** What the sweep was made with: its captions belong to these, not to later edits. */
  const swept = React.useRef(settings);

  const forgetSearch = React.useCallback(() => {
    question.current++;
    setSearch(null);
    setSearching(false);
    setError(null);
  }, []);
  React.useEffect(forgetSearch, [sampleId, field, forgetSearch]);
  const suggestions = useSuggestions(call, image, place, word, setError);

  const setWord = (next: string) => {
    carried = next;
    setWordState(next);
    forgetSearch();
  };

  const take = (trial: Trial) => onTake(trial.attempt, withWeight(swept.current, trial.weight));

  const find = async () => {
    const asked = settings;
    const mine = ++question.current;
    const edited = () =>
      !sameSettings(asked, newest.current) || asked.active !== newest.current.active;
    setSearching(true);
    setError(null);
    try {
      const found = await call<unknown>("find_weight", {
        sample_id: sampleId,
        caption_field: field,
        dials: sentSettings(asked),
        turned: asked.active,
        word: word.trim(),
      }).then(parseSearch);
      if (mine !== question.current) return;
      swept.current = asked;
      setSearch(found);
      // What was edited meanwhile stays; a click on the chart still takes a weight.
      if (found.best !== null && !edited()) take(found.trials[found.best]);
    } catch (reason) {
      if (mine === question.current) setError((reason as Error).message);
    } finally {
      if (mine === question.current) setSearching(false);
    }
  };

  return { word, setWord, search, searching, error, suggestions, find, take };
}

/** Prompts that lead to the word, asked for once the models are there and the typing pauses. */
function useSuggestions(
  call: Call,
  image: ImagePayload | null,
  place: PlacePayload | null,
  word: string,
  setError: (message: string) => void,
): Suggestion[] {
  const [suggestions, setSuggestions] = React.useState<Suggestion[]>([]);
  const sampleId = image?.sample_id;
  const field = image?.caption_field;
  const ready = place !== null && place.sample_id === sampleId;

  const suggest = React.useMemo(
    () =>
      latest((params: Record<string, unknown>) =>
        call<unknown>("suggest", params).then(parseSuggestions),
      ),
    [call],
  );

  React.useEffect(() => {
    if (!ready) return;
    const timer = window.setTimeout(
      () => {
        suggest({ sample_id: sampleId, caption_field: field, word: word.trim() })
          .then((found) => found && setSuggestions(found))
          .catch((reason: Error) => {
            setSuggestions([]);
            setError(reason.message);
          });
      },
      word ? PAUSE : 0,
    );
    return () => window.clearTimeout(timer);
  }, [suggest, ready, sampleId, field, word, setError]);
  return suggestions;
}
