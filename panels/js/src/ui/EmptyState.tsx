import * as React from "react";

export interface EmptyStateProps {
  /** Why there is no image, in a heading and a sentence; null while that is not known. */
  reason: [string, string] | null;
  error: string | null;
  onRetry: () => void;
  /** What can be done about it. */
  children?: React.ReactNode;
}

/** What stands in a panel while there is no image in it. */
export function EmptyState({ reason, error, onRetry, children }: EmptyStateProps) {
  return (
    <div className="capviz-empty">
      {error ? (
        <>
          <p className="capviz-error" role="alert">
            {error}
          </p>
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        </>
      ) : reason ? (
        <>
          <h2>{reason[0]}</h2>
          <p className="capviz-muted">{reason[1]}</p>
          {children}
        </>
      ) : (
        <p className="capviz-muted" role="status">
          <span className="capviz-spin" /> Opening the image …
        </p>
      )}
    </div>
  );
}
