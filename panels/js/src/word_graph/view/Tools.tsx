import * as React from "react";
import type { GraphController } from "../canvas/controller";

/** Zoom and layout buttons on the graph. */
export function Tools({ controller }: { controller: GraphController | null }) {
  const tools: readonly [string, string, string, () => void][] = [
    ["fit", "⤢", "Show all words (0)", () => controller?.fit()],
    ["in", "+", "Zoom in (+)", () => controller?.zoomBy(1.3)],
    ["out", "−", "Zoom out (−)", () => controller?.zoomBy(1 / 1.3)],
    ["relayout", "↻", "Arrange anew; pinned words stay", () => controller?.relayout()],
  ];
  return (
    <div className="capviz-wg-tools" role="toolbar" aria-label="Zoom and layout">
      {tools.map(([cy, sign, label, act]) => (
        <button
          key={cy}
          type="button"
          className="capviz-wg-button"
          data-cy={`capviz-${cy}`}
          aria-label={label}
          title={label}
          onClick={act}
        >
          {sign}
        </button>
      ))}
    </div>
  );
}
