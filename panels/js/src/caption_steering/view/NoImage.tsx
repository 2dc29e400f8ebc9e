import * as React from "react";
import type { Missing } from "../../payloads/caption_steering";
import { EmptyState } from "../../ui/EmptyState";
import type { Palette } from "../../ui/palette";
import { Panel } from "../../ui/Panel";
import { SHEET } from "./style";

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

/** The panel while there is no image to steer. */
export function NoImage({ palette, missing, error, onAnalyze, onRetry }: Props) {
  return (
    <Panel className="capviz-st" sheet={SHEET} cy="capviz-steering" palette={palette}>
      <EmptyState reason={missing && REASONS[missing]} error={error} onRetry={onRetry}>
        {missing === "captions" ? (
          <button type="button" className="capviz-primary" onClick={onAnalyze}>
            Analyze captions
          </button>
        ) : null}
      </EmptyState>
    </Panel>
  );
}
