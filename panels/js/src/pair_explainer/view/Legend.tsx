import * as React from "react";
import { gradientOf, signedColor } from "../../heat/scale";
import { signed } from "../model/numbers";

export interface LegendProps {
  /** The value at both ends of the scale. */
  peak: number;
  /** What is shown, and what it sums to; null where nothing is. */
  what: string | null;
  sum: number;
}

/** The scale of the heat, with its numbers. */
export function Legend({ peak, what, sum }: LegendProps): React.ReactElement {
  return (
    <div data-cy="capviz-pair-legend">
      <div className="capviz-px-scale">
        <span>{signed(-peak)}</span>
        <div
          role="img"
          aria-label={`From ${signed(-peak)} per patch, blue, against the match, over 0 to ${signed(peak)}, red, for it`}
          style={{ background: `${gradientOf(signedColor, -1)}, #8a8a8a` }}
        />
        <span>{signed(peak)}</span>
        <span className="capviz-muted">against</span>
        <span className="capviz-muted" style={{ textAlign: "center" }}>
          per patch
        </span>
        <span className="capviz-muted">for</span>
      </div>
      {what === null ? null : (
        <p className="capviz-small" style={{ marginTop: 4 }}>
          {what}: <b className="capviz-px-number">{signed(sum)}</b> in all
        </p>
      )}
    </div>
  );
}
