import * as React from "react";
import type { Palette } from "../../ui/palette";
import type { Missing } from "../../payloads/pair_explainer";
import { STYLE, themeProperties } from "./style";

const REASONS: Record<Missing, [string, string]> = {
  dataset: ["No dataset is open", "Open one to explain its images and captions."],
  samples: ["The view is empty", "Clear a filter, or choose another view."],
};

export interface EmptyStateProps {
  palette: Palette;
  missing: Missing | null;
  error: string | null;
  onRetry: () => void;
}

/** What stands in the panel while there is no image in it. */
export function EmptyState({ palette, missing, error, onRetry }: EmptyStateProps) {
  return (
    <div className="capviz-px" data-cy="capviz-pair-explainer" style={themeProperties(palette)}>
      <style>{STYLE}</style>
      <div className="capviz-px-empty">
        {error ? (
          <>
            <p className="capviz-px-error" role="alert">
              {error}
            </p>
            <button type="button" onClick={onRetry}>
              Try again
            </button>
          </>
        ) : missing ? (
          <>
            <h2 style={{ fontSize: 16, margin: 0 }}>{REASONS[missing][0]}</h2>
            <p className="capviz-px-muted">{REASONS[missing][1]}</p>
          </>
        ) : (
          <p className="capviz-px-muted" role="status">
            <span className="capviz-px-spin" /> Opening the image …
          </p>
        )}
      </div>
    </div>
  );
}
