import * as React from "react";
import { latest } from "../../asking/latest";
import type { Call } from "../../host/panel";
import { parseImage, type ImagePayload, type Missing } from "../../payloads/pair_explainer";

export interface OpenRequest {
  sample_id?: string | null;
  among?: string[];
  step?: number;
  /** Leave a sample that is no longer in the view. */
  keep?: boolean;
  caption_field?: string | null;
}

export interface SampleState {
  image: ImagePayload | null;
  missing: Missing | null;
  loading: boolean;
  error: string | null;
}

const NOTHING: SampleState = { image: null, missing: null, loading: true, error: null };

/** The sample of one side: what is stored of it. */
export function useSample(call: Call): {
  state: SampleState;
  open: (request: OpenRequest) => Promise<void>;
} {
  const [state, setState] = React.useState<SampleState>(NOTHING);
  const ask = React.useMemo(
    () =>
      latest((request: OpenRequest) =>
        call<unknown>("open_image", { ...request }).then(
          (reply) => ({ reply: parseImage(reply), error: null }),
          (error: Error) => ({ reply: null, error: error.message }),
        ),
      ),
    [call],
  );
  const open = React.useCallback(
    async (request: OpenRequest) => {
      setState((now) => ({ ...now, loading: true, error: null }));
      const found = await ask(request);
      if (!found) return;
      const { reply, error } = found;
      if (!reply) setState((now) => ({ ...now, loading: false, error }));
      else if ("missing" in reply) setState({ ...NOTHING, missing: reply.missing, loading: false });
      else setState({ image: reply, missing: null, loading: false, error: null });
    },
    [ask],
  );
  return { state, open };
}
