import * as React from "react";
import type { Call } from "../../host/panel";
import {
  asksSomething,
  remember,
  sameSettings,
  sentSettings,
  type Entry,
  type Settings,
} from "../model/history";
import { keep, recall, type Kept } from "../model/kept";
import {
  parseAttempt,
  type Attempt,
  type ImagePayload,
  type PlacePayload,
  type StreamData,
} from "../../payloads/caption_steering";
import { emptySelection } from "../model/selections";
import { newId } from "../../asking/newId";
import { startOperator } from "../../host/startOperator";

const PAUSE = 140;
const FIRST_WEIGHT = 3;

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
let carried: Pick<Settings, "prompt" | "method"> = { prompt: "", method: "logits" };

function fresh(): Kept {
  const settings: Settings = {
    ...carried,
    selections: [emptySelection(1, FIRST_WEIGHT)],
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
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  const [busy, setBusy] = React.useState(false);
  const [growing, setGrowing] = React.useState<string | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const [live, setLive] = React.useState(true);
  const current = React.useRef({ key, image, place });
  current.current = { key, image, place };
  const streaming = React.useRef<{ id: string; key: string; settings: Settings } | null>(null);
  const timer = React.useRef<number | undefined>(undefined);
  /** Counts the questions: only the newest one is answered. */
  const question = React.useRef(0);

  const state = recall(key) ?? fresh();
  if (key) keep(key, state);

  const put = React.useCallback((at: string, change: (before: Kept) => Kept) => {
    keep(at, change(recall(at) ?? fresh()));
    redraw();
  }, []);

  /** Nobody waits any more for what was asked, or was about to be. */
  const cancel = React.useCallback(() => {
    const running = streaming.current;
    window.clearTimeout(timer.current);
    question.current++;
    streaming.current = null;
    setGrowing(null);
    setBusy(false);
    if (running) call("cancel", { stream: running.id }).catch(() => undefined);
  }, [call]);

  const run = React.useCallback(
    async (settings: Settings, pinned: boolean) => {
      const { key: at, image, place } = current.current;
      if (!image || !place) return;
      cancel();
      const mine = question.current;
      setError(null);
      setBusy(true);
      const asked = {
        sample_id: image.sample_id,
        caption_field: image.caption_field,
        dials: sentSettings(settings),
      };
      if (place.streams) {
        const id = newId();
        streaming.current = { id, key: at, settings };
        setGrowing("");
        const params = { ...asked, panel_id: panelId, stream: id };
        startOperator("stream_caption", params, (reason) => {
          if (streaming.current?.id !== id) return;
          cancel();
          setError(reason);
        });
        return;
      }
      try {
        const attempt = parseAttempt(await call<unknown>("generate", asked));
        const awaited = mine === question.current;
        const left = recall(at)?.settings; // the user has turned to another image meanwhile
        const elsewhere = current.current.key !== at && left && sameSettings(left, settings);
        if (!awaited && !elsewhere) return;
        if (awaited) setBusy(false);
        put(at, (before) => ({
          ...before,
          attempt,
          history: remember(before.history, attempt, settings, pinned),
        }));
      } catch (error) {
        if (mine !== question.current) return;
        setBusy(false);
        setError((error as Error).message);
      }
    },
    [call, cancel, panelId, put],
  );

  const news = stream ? `${stream.id} ${stream.text.length} ${stream.done}` : "";
  React.useEffect(() => {
    const running = streaming.current;
    if (!stream || !running || stream.id !== running.id) return;
    setGrowing(stream.text);
    if (!stream.done) return;
    streaming.current = null;
    setBusy(false);
    setGrowing(null);
    if (stream.error) setError(stream.error);
    const attempt = stream.attempt;
    if (attempt) {
      put(running.key, (before) => ({
        ...before,
        attempt,
        history: remember(before.history, attempt, running.settings, true),
      }));
    }
    // `stream` has a new identity after every event; `news` says whether it changed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [news, put]);

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
    growing,
    busy,
    error,
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
