import * as React from "react";

interface Props {
  /** What *Accept* would do now; null if there is nothing to accept. */
  accept: string | null;
  undo: number;
  busy: boolean;
  message: string | null;
  onAccept: () => void;
  onUndo: () => void;
}

/** Accept and undo, always in the same place. */
export function DecisionBar({ accept, undo, busy, message, onAccept, onUndo }: Props) {
  return (
    <div className="capviz-st-foot">
      <span className="capviz-muted capviz-small capviz-st-grow" role="status">
        {message ?? (accept ? "" : "Nothing is changed until you accept.")}
      </span>
      <button
        type="button"
        data-cy="capviz-undo"
        disabled={busy || undo === 0}
        title="Bring back what was accepted last"
        onClick={onUndo}
      >
        Undo{undo ? ` (${undo})` : ""}
      </button>
      <button
        type="button"
        className="capviz-primary"
        data-cy="capviz-accept"
        disabled={busy || accept === null}
        onClick={onAccept}
      >
        {accept ?? "Accept"}
      </button>
    </div>
  );
}
