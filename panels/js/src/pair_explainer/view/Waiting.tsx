import * as React from "react";
import { durationText } from "../model/numbers";
import type { Answer } from "./usePair";

export interface WaitingProps {
  answers: Answer<unknown>[];
  onCancel: () => void;
  onConfirm: () => void;
}

const TICK = 1000;

/** A wait that the user has to agree to, or one that is under way and can be ended. */
export function Waiting(props: WaitingProps): React.ReactElement | null {
  const expected = props.answers.reduce((sum, { wait }) => sum + (wait ?? 0), 0);
  const loading = props.answers.some((one) => one.loading);
  const [seconds, setSeconds] = React.useState(0);
  React.useEffect(() => {
    setSeconds(0);
    if (!loading) return undefined;
    const start = Date.now();
    const timer = setInterval(() => setSeconds((Date.now() - start) / 1000), TICK);
    return () => clearInterval(timer);
  }, [loading]);
  if (expected > 0) {
    return (
      <div className="capviz-card capviz-row" role="status" data-cy="capviz-pair-wait">
        <span style={{ flex: 1, minWidth: 180 }}>
          This explanation takes about {durationText(expected)} or more, and keeps the models to
          itself meanwhile. The default method and layer are quicker.
        </span>
        <button type="button" data-cy="capviz-pair-confirm" onClick={props.onConfirm}>
          Explain anyway
        </button>
      </div>
    );
  }
  if (!loading || seconds < 1) return null; // most answers come at once
  return (
    <div className="capviz-row capviz-small capviz-muted" data-cy="capviz-pair-running">
      <span className="capviz-spin" aria-hidden />
      <span className="capviz-px-number" role="timer">
        Explaining … {durationText(seconds)}
      </span>
      <button
        type="button"
        className="capviz-quiet capviz-small"
        data-cy="capviz-pair-cancel"
        onClick={props.onCancel}
      >
        Cancel
      </button>
    </div>
  );
}
