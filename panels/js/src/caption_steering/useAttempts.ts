import { executeOperator } from "@fiftyone/operators";
import * as React from "react";
import { latest } from "../shared/latest";
import type { Call } from "../shared/panel";
import { asksSomething, remember, sentSettings, type Entry, type Settings } from "./history";
import {
  parseAttempt,
  type Attempt,
  type ImagePayload,
  type PlacePayload,
  type StreamData,
} from "./payloads";
import { emptySelection } from "./selections";

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

interface Kept {
  settings: Settings;
  history: Entry[];
  attempt: Attempt | null;
}

/** What was tried on each image, while the page is open: panels are unmounted behind other tabs. */
const kept = new Map<string, Kept>();
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

  const state = kept.get(key) ?? fresh();
  if (key && !kept.has(key)) kept.set(key, state);

  const put = React.useCallback((at: string, change: (before: Kept) => Kept) => {
    kept.set(at, change(kept.get(at) ?? fresh()));
    redraw();
  }, []);

  const ask = React.useMemo(
    () =>
      latest((sampleId: string, field: string, settings: Settings) =>
        call<unknown>("generate", {
          sample_id: sampleId,
          caption_field: field,
          dials: sentSettings(settings),
        }).then(parseAttempt),
      ),
    [call],
  );

  const cancel = React.useCallback(() => {
    const running = streaming.current;
    streaming.current = null;
    setGrowing(null);
    setBusy(false);
    if (running) call("cancel", { stream: running.id }).catch(() => undefined);
  }, [call]);

  const run = React.useCallback(
    async (settings: Settings, pinned: boolean) => {
      const { key: at, image, place } = current.current;
      if (!image || !place) return;
      window.clearTimeout(timer.current);
      setError(null);
      setBusy(true);
      const field = image.caption_field;
      try {
        if (place.streams) {
          if (streaming.current) cancel();
          const id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
          streaming.current = { id, key: at, settings };
          setBusy(true);
          setGrowing("");
          await executeOperator("@capviz/capviz/stream_caption", {
            panel_id: panelId,
            stream: id,
            sample_id: image.sample_id,
            caption_field: field,
            dials: sentSettings(settings),
          });
          return;
        }
        const attempt = await ask(image.sample_id, field, settings);
        if (!attempt) return; // a newer question was asked
        setBusy(false);
        put(at, (before) => ({
          ...before,
          attempt,
          history: remember(before.history, attempt, settings, pinned),
        }));
      } catch (error) {
        setBusy(false);
        setGrowing(null);
        setError((error as Error).message);
      }
    },
    [ask, cancel, panelId, put],
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
  React.useEffect(() => () => window.clearTimeout(timer.current), [key]);

  // A prompt that came along from another image is asked at once, as if it had just been written.
  const ready = place !== null && place.sample_id === image?.sample_id && !place.streams;
  React.useEffect(() => {
    const now = kept.get(key);
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
      if (!live || !place || place.streams || !asks) return;
      timer.current = window.setTimeout(() => void run(settings, false), PAUSE);
    },
    [live, put, run],
  );

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
    goBack: ({ attempt, settings }) => put(key, (before) => ({ ...before, attempt, settings })),
    take: (attempt, settings) =>
      put(key, (before) => ({
        settings,
        attempt,
        history: remember(before.history, attempt, settings, true),
      })),
    forgetAttempt: () => put(key, (before) => ({ ...before, attempt: null })),
  };
}
