import * as React from "react";
import { latest } from "../shared/latest";
import type { Call } from "../shared/panel";
import {
  parseImage,
  parsePlace,
  type ImagePayload,
  type Missing,
  type PlacePayload,
} from "./payloads";

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

/** The image that is steered: first what is stored of it, then its patch grid. */
export function useImage(call: Call): {
  state: ImageState;
  open: (request: OpenRequest) => Promise<ImagePayload | null>;
  /** Looks at the same sample again: its caption, batch and place in the view may have changed. */
  renew: (request?: OpenRequest) => Promise<void>;
} {
  const [state, setState] = React.useState<ImageState>(NOTHING);
  const shown = React.useRef(state);
  shown.current = state;

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
    [calls],
  );

  const open = React.useCallback(
    async (request: OpenRequest) => {
      setState((now) => ({ ...now, loading: now.image ? now.loading : "image", error: null }));
      try {
        const reply = await calls.open(request);
        if (!reply) return null;
        if ("missing" in reply) {
          setState({ ...NOTHING, missing: reply.missing, loading: null });
          return null;
        }
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
        return reply;
      } catch (error) {
        setState((now) => ({ ...now, loading: null, error: (error as Error).message }));
        return null;
      }
    },
    [calls, layOut],
  );

  const renew = React.useCallback(
    async (request: OpenRequest = {}) => {
      const image = shown.current.image;
      if (!image) return;
      const { sample_id, caption_field } = image;
      await open({ sample_id, caption_field, ...request });
    },
    [open],
  );

  return { state, open, renew };
}
