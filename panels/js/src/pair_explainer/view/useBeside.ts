import * as React from "react";
import type { Call } from "../../host/panel";
import type { Compare } from "../model/shown";
import { useSample, type SampleState } from "./useSample";

export interface Beside {
  /** The sample whose image, or whose caption, stands beside. */
  state: SampleState;
  compare: Compare;
  changeCompare: (to: Compare) => void;
  caption: string;
  setCaption: (caption: string) => void;
  /** Takes the neighbor of that sample. */
  step: (step: -1 | 1) => void;
  /** Takes a sample of the user's choice. */
  take: (sampleId: string | null) => void;
}

/** What stands beside the sample: at first what comes from the next one. */
export function useBeside(call: Call, sampleId: string | null, field: string | null): Beside {
  const { state, open } = useSample(call);
  const other = state.image;
  const [compare, setCompare] = React.useState<Compare>("none");
  const [caption, setCaption] = React.useState("");
  const beside = (step: -1 | 1, from: string | null) =>
    void open({ sample_id: from, step, caption_field: field });
  const takes = React.useRef(false);
  React.useEffect(() => {
    if (!takes.current || compare !== "caption" || !other) return;
    takes.current = false;
    if (other.caption) setCaption(other.caption);
  }, [other, compare]);
  return {
    state,
    compare,
    changeCompare: (to) => {
      setCompare(to);
      if (to === "none" || (to === "caption" && caption)) return;
      takes.current = to === "caption";
      if (to === "image" || !caption) beside(1, sampleId);
    },
    caption,
    setCaption,
    step: (step) => {
      takes.current = compare === "caption";
      beside(step, other?.sample_id ?? sampleId);
    },
    take: (id) => {
      takes.current = compare === "caption";
      void open({ sample_id: id, caption_field: field });
    },
  };
}
