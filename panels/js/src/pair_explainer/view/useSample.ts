import * as React from "react";
import { latest } from "../../asking/latest";
import type { AppState } from "../../host/app";
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

/**
 * The sample that is explained: that of the modal, or the selected or first one of the grid.
 *
 * @param around changes with what the App shows
 */
export function useShownSample(
  call: Call,
  { inModal, modalId, among }: AppState,
  around: number | undefined,
) {
  const listed = React.useMemo(() => (among.length > 1 ? among : []), [among]);
  const { state, open } = useSample(call);
  const [field, setField] = React.useState<string | null>(null);

  // Which sample: once at the start, and whenever the user turns to another one.
  React.useEffect(() => {
    if (inModal) {
      if (modalId) void open({ sample_id: modalId, caption_field: field });
    } else void open({ sample_id: among[0] ?? null, among: listed, caption_field: field });
  }, [inModal, modalId, among, listed, field, open]);
  const sampleId = state.image?.sample_id ?? null;

  const known = React.useRef(around);
  React.useEffect(() => {
    if (known.current === around) return;
    known.current = around;
    const keep = !inModal;
    void open({ sample_id: sampleId, caption_field: field, among: listed, keep });
  }, [around, open, sampleId, field, listed, inModal]);

  const step = (by: number) =>
    void open({ sample_id: sampleId, step: by, among: listed, caption_field: field });
  const retry = () => void open({ sample_id: inModal ? modalId : null, caption_field: field });
  return { state, sampleId, field, setField, step, retry };
}
