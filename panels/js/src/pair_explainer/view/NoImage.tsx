import * as React from "react";
import type { Missing } from "../../payloads/pair_explainer";
import { EmptyState } from "../../ui/EmptyState";
import type { Palette } from "../../ui/palette";
import { Panel } from "../../ui/Panel";
import { SHEET } from "./style";

const REASONS: Record<Missing, [string, string]> = {
  dataset: ["No dataset is open", "Open one to explain its images and captions."],
  samples: ["The view is empty", "Clear a filter, or choose another view."],
};

export interface NoImageProps {
  palette: Palette;
  missing: Missing | null;
  error: string | null;
  onRetry: () => void;
}

/** The panel while there is no image to explain. */
export function NoImage({ palette, missing, error, onRetry }: NoImageProps) {
  return (
    <Panel className="capviz-px" sheet={SHEET} cy="capviz-pair-explainer" palette={palette}>
      <EmptyState reason={missing && REASONS[missing]} error={error} onRetry={onRetry} />
    </Panel>
  );
}
