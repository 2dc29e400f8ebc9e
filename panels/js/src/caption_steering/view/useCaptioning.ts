import * as React from "react";
import { newId } from "../../asking/newId";
import type { Call } from "../../host/panel";
import { startOperator } from "../../host/startOperator";
import {
  parseAttempt,
  type ImagePayload,
  type PlacePayload,
  type StreamData,
} from "../../payloads/caption_steering";
import { remember } from "../model/history";
import { recall, type Kept } from "../model/kept";
import { sameSettings, sentSettings, type Settings } from "../model/settings";

/** Changes what is kept of an image. */
export type Put = (key: string, change: (before: Kept) => Kept) => void;

/** The image that the user looks at, as the newest render knows it. */
type Current = React.MutableRefObject<{
  key: string;
  image: ImagePayload | null;
  place: PlacePayload | null;
}>;

type Streaming = React.MutableRefObject<{ id: string; key: string; settings: Settings } | null>;

export interface Captioning {
  /** The text of a stream so far. */
  growing: string | null;
  busy: boolean;
  error: string | null;
  run: (settings: Settings, pinned: boolean) => Promise<void>;
  cancel: () => void;
}

/**
 * Asks for a caption: only the newest question is answered.
 *
 * @param timer of the question that is about to be asked
 */
export function useCaptioning(
  call: Call,
  panelId: string,
  current: Current,
  timer: React.MutableRefObject<number | undefined>,
  stream: StreamData | undefined,
  put: Put,
): Captioning {
  const [busy, setBusy] = React.useState(false);
  const [growing, setGrowing] = React.useState<string | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const streaming: Streaming = React.useRef(null);
  /** Counts the questions. */
  const question = React.useRef(0);

  /** Nobody waits any more for what was asked, or was about to be. */
  const cancel = React.useCallback(() => {
    const running = streaming.current;
    window.clearTimeout(timer.current);
    question.current++;
    streaming.current = null;
    setGrowing(null);
    setBusy(false);
    if (running) call("cancel", { stream: running.id }).catch(() => undefined);
  }, [call, timer]);

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
        if (!awaited && !askedElsewhere(current, at, settings)) return;
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
    [call, cancel, current, panelId, put],
  );

  useStream(stream, streaming, { setGrowing, setBusy, setError }, put);
  return { growing, busy, error, run, cancel };
}

/** Whether the user has turned to another image meanwhile, and left that one with these settings. */
function askedElsewhere(current: Current, at: string, settings: Settings): boolean {
  const left = recall(at)?.settings;
  return current.current.key !== at && left !== undefined && sameSettings(left, settings);
}

interface Tell {
  setGrowing: (text: string | null) => void;
  setBusy: (busy: boolean) => void;
  setError: (error: string) => void;
}

/** The news of a stream: its text so far, and what it has become. */
function useStream(
  stream: StreamData | undefined,
  streaming: Streaming,
  { setGrowing, setBusy, setError }: Tell,
  put: Put,
): void {
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
}
