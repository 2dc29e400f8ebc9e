import * as React from "react";
import type { Call } from "../../host/panel";
import type {
  Attempt,
  ImagePayload,
  PlacePayload,
  StreamData,
} from "../../payloads/caption_steering";
import { remember, type Entry } from "../model/history";
import { keep, recall, type Kept } from "../model/kept";
import { emptySelection } from "../model/selections";
import { DEFAULT_METHOD, DEFAULT_WEIGHT } from "../model/choices";
import { asksSomething, type Settings } from "../model/settings";
import { useCaptioning, type Put } from "./useCaptioning";

const PAUSE = 140;

export interface Attempts {
  settings: Settings;
  change: (settings: Settings) => void;
  attempt: Attempt | null;
  /** The text of a stream so far. */
  growing: string | null;
  busy: boolean;
  error: string | null;
  history: Entry[];
  live: boolean;
  setLive: (live: boolean) => void;
  generate: () => void;
  cancel: () => void;
  goBack: (entry: Entry) => void;
  /** Shows an attempt that came from elsewhere, such as the sweep of weights. */
  take: (attempt: Attempt, settings: Settings) => void;
  forgetAttempt: () => void;
}

/** Prompt and method go along to the next image. */
let carried: Pick<Settings, "prompt" | "method"> = { prompt: "", method: DEFAULT_METHOD };

function fresh(): Kept {
  const settings: Settings = {
    ...carried,
    selections: [emptySelection(1, DEFAULT_WEIGHT)],
    active: 0,
  };
  return { settings, history: [], attempt: null };
}

/** Settings and attempts on one image; asks again a moment after every change while `live`. */
export function useAttempts(
  call: Call,
  panelId: string,
  image: ImagePayload | null,
  place: PlacePayload | null,
  stream: StreamData | undefined,
): Attempts {
  const key = image ? `${image.sample_id} ${image.caption_field}` : "";
  const [state, put] = useKept(key);
  const [live, setLive] = React.useState(true);
  const current = React.useRef({ key, image, place });
  current.current = { key, image, place };
  const timer = React.useRef<number | undefined>(undefined);
  const captioning = useCaptioning(call, panelId, current, timer, stream, put);
  const { run, cancel } = captioning;

  // A stream nobody watches any more would only keep the models busy.
  React.useEffect(() => cancel, [key, cancel]);

  // A prompt that came along from another image is asked at once, as if it had just been written.
  const ready = place !== null && place.sample_id === image?.sample_id && !place.streams;
  React.useEffect(() => {
    const now = recall(key);
    if (!ready || !now || now.history.length || now.attempt) return;
    if (asksSomething(now.settings)) void run(now.settings, false);
  }, [key, ready, run]);

  const change = React.useCallback(
    (settings: Settings) => {
      const { key: at, place } = current.current;
      carried = { prompt: settings.prompt, method: settings.method };
      const asks = asksSomething(settings);
      put(at, (before) => ({ ...before, settings, attempt: asks ? before.attempt : null }));
      window.clearTimeout(timer.current);
      if (!asks) cancel();
      else if (live && place && !place.streams)
        timer.current = window.setTimeout(() => void run(settings, false), PAUSE);
    },
    [cancel, live, put, run],
  );

  const goBack = ({ attempt, settings }: Entry) => {
    cancel(); // the answer to an edit just made would replace it
    put(key, (before) => ({ ...before, attempt, settings }));
  };
  const take = (attempt: Attempt, settings: Settings) => {
    cancel();
    put(key, (before) => ({
      settings,
      attempt,
      history: remember(before.history, attempt, settings, true),
    }));
  };

  return {
    ...state,
    growing: captioning.growing,
    busy: captioning.busy,
    error: captioning.error,
    live,
    setLive,
    change,
    cancel,
    generate: () => void run(state.settings, true),
    goBack,
    take,
    forgetAttempt: () => put(key, (before) => ({ ...before, attempt: null })),
  };
}

/** What is kept of an image, and a way to change what is kept of any. */
function useKept(key: string): [Kept, Put] {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  const state = recall(key) ?? fresh();
  if (key) keep(key, state);
  const put = React.useCallback<Put>((at, change) => {
    keep(at, change(recall(at) ?? fresh()));
    redraw();
  }, []);
  return [state, put];
}
