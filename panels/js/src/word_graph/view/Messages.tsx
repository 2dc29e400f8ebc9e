import * as React from "react";

export function Loading() {
  return (
    <div className="capviz-wg-middle" role="status">
      <div className="capviz-wg-busy" />
      <p>Counting the words of the captions…</p>
    </div>
  );
}

export function Empty({ message, analyze }: { message: string; analyze: () => void }) {
  return (
    <div className="capviz-wg-middle" data-cy="capviz-empty">
      <p>{message}</p>
      <button type="button" className="capviz-wg-button" onClick={analyze}>
        Analyze captions
      </button>
    </div>
  );
}

export function Failed({ message, retry }: { message: string; retry: () => void }) {
  return (
    <div className="capviz-wg-middle" role="alert">
      <p className="capviz-wg-error">{message}</p>
      <button type="button" className="capviz-wg-button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
