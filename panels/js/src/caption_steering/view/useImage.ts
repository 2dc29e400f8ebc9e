import * as React from "react";
import { latest } from "../../asking/latest";
import type { Call } from "../../host/panel";
import {
  parseImage,
  parsePlace,
  type ImagePayload,
  type Missing,
  type PlacePayload,
} from "../../payloads/caption_steering";

export interface OpenRequest {
  sample_id?: string | null;
  among?: string[];
  step?: number;
  keep?: boolean;
  caption_field?: string;
}

export interface ImageState {
  image: ImagePayload | null;
  place: PlacePayload | null;
  missing: Missing | null;
  /** Opening the sample, or loading the models and encoding it. */
  loading: "image" | "models" | null;
  error: string | null;
}

const NOTHING: ImageState = {
  image: null,
  place: null,
  missing: null,
  loading: "image",
  error: null,
};

/** The sample that each panel showed last: panels are unmounted behind other tabs. */
const lastShown = new Map<string, string>();

/** The image that is steered: first what is stored of it, then its patch grid. */
export function useImage(
  call: Call,
  panelId: string,
): {
  state: ImageState;
  open: (request: OpenRequest) => Promise<void>;
  /**
   * Looks at the same sample again: its caption, batch and place in the view may have changed.
   * Where none is open, at the one that the panel showed last.
   */
  renew: (request?: OpenRequest) => Promise<void>;
} {
  const [state, setState] = React.useState<ImageState>(NOTHING);
  const shown = React.useRef(state);
  shown.current = state;
  /** What is being opened: a renewal means that one, not the image it replaces. */
  const opening = React.useRef<{ request: OpenRequest; end: Promise<void> } | null>(null);
  const show = useShow(call, panelId, shown, setState);

  const open = React.useCallback(
    async (asked: OpenRequest) => {
      // A second step before the first one is there is a step further.
      const before = opening.current?.request;
      const further = asked.step && before?.sample_id === asked.sample_id ? before?.step : 0;
      const request = further ? { ...asked, step: further + (asked.step ?? 0) } : asked;
      const mine = { request, end: show(request) };
      opening.current = mine;
      await mine.end;
      // A newer request took the place of this one: what was asked for is there after that.
      while (opening.current !== null && opening.current !== mine) await opening.current.end;
      if (opening.current === mine) opening.current = null;
    },
    [show],
  );

  const renew = React.useCallback(
    async (request: OpenRequest = {}) => {
      const image = shown.current.image;
      const same: OpenRequest =
        opening.current?.request ??
        (image
          ? { sample_id: image.sample_id, caption_field: image.caption_field }
          : { sample_id: lastShown.get(panelId) ?? null });
      await open({ ...same, ...request });
    },
    [open, panelId],
  );

  return { state, open, renew };
}

/** Asks Python for an image, and for its grid where that is not known yet. */
function useShow(
  call: Call,
  panelId: string,
  shown: React.MutableRefObject<ImageState>,
  setState: React.Dispatch<React.SetStateAction<ImageState>>,
): (request: OpenRequest) => Promise<void> {
  const calls = React.useMemo(
    () => ({
      open: latest((request: OpenRequest) =>
        call<unknown>("open_image", { ...request }).then(parseImage),
      ),
      layOut: latest((image: ImagePayload) =>
        call<unknown>("lay_out", {
          sample_id: image.sample_id,
          caption_field: image.caption_field,
        }).then(parsePlace),
      ),
    }),
    [call],
  );

  const layOut = React.useCallback(
    async (image: ImagePayload) => {
      try {
        const place = await calls.layOut(image);
        if (place) setState((now) => ({ ...now, place, loading: null, error: null }));
      } catch (error) {
        setState((now) => ({ ...now, loading: null, error: (error as Error).message }));
      }
    },
    [calls, setState],
  );

  return React.useCallback(
    async (request: OpenRequest): Promise<void> => {
      setState((now) => ({ ...now, loading: now.image ? now.loading : "image", error: null }));
      try {
        const reply = await calls.open(request);
        if (!reply) return;
        if ("missing" in reply) {
          setState({ ...NOTHING, missing: reply.missing, loading: null });
          return;
        }
        lastShown.set(panelId, reply.sample_id);
        const before = shown.current;
        const same =
          before.image?.sample_id === reply.sample_id &&
          before.image.caption_field === reply.caption_field;
        const unchanged = same && before.image?.caption === reply.caption && before.place !== null;
        setState({
          image: reply,
          place: same ? before.place : null,
          missing: null,
          loading: unchanged ? null : "models",
          error: null,
        });
        if (!unchanged) void layOut(reply);
      } catch (error) {
        setState((now) => ({ ...now, loading: null, error: (error as Error).message }));
      }
    },
    [calls, layOut, panelId, setState, shown],
  );
}
