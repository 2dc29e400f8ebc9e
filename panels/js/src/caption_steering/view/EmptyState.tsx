import * as React from "react";
import type { Palette } from "../../ui/palette";
import type { Missing } from "../../payloads/caption_steering";
import { STYLE, themeProperties } from "./style";

const REASONS: Record<Missing, [string, string]> = {
  dataset: ["No dataset is open", "Open one to steer its captions."],
  captions: [
    "No captions yet",
    "Analyze captions writes a caption for each image, finds its segments, and scores both. Then they can be steered here.",
  ],
  samples: ["The view is empty", "Clear a filter, or choose another view."],
};

interface Props {
  palette: Palette;
  missing: Missing | null;
  error: string | null;
  onAnalyze: () => void;
  onRetry: () => void;
}

/** What stands in the panel while there is no image in it. */
export function EmptyState({ palette, missing, error, onAnalyze, onRetry }: Props) {
  return (
    <div className="capviz-st" data-cy="capviz-steering" style={themeProperties(palette)}>
      <style>{STYLE}</style>
      <div className="capviz-st-empty">
        {error ? (
          <>
            <p className="capviz-st-error" role="alert">
              {error}
            </p>
            <button type="button" onClick={onRetry}>
              Try again
            </button>
          </>
        ) : missing ? (
          <>
            <h2 style={{ fontSize: 16, margin: "0 0 6px" }}>{REASONS[missing][0]}</h2>
            <p className="capviz-st-muted">{REASONS[missing][1]}</p>
            {missing === "captions" ? (
              <button type="button" className="capviz-st-primary" onClick={onAnalyze}>
                Analyze captions
              </button>
            ) : null}
          </>
        ) : (
          <p className="capviz-st-muted" role="status">
            <span className="capviz-st-spin" /> Opening the image …
          </p>
        )}
      </div>
    </div>
  );
}
