import * as React from "react";
import { cssColor, signedColor } from "../../heat/scale";
import type { Segment } from "../../payloads/pair_explainer";
import { heatOf, peakOf, sharesOfCells, type Pair } from "../model/maps";
import { signed } from "../model/numbers";
import type { Region } from "../model/region";

export interface SegmentsProps {
  segments: Segment[];
  pair: Pair | null;
  chosenWords: ReadonlySet<number>;
  region: Region | null;
  onRegion: (region: Region | null) => void;
  onHot: (id: string | null) => void;
}

/** The image's segments, colored by what the selected words get from each. */
export function Segments(props: SegmentsProps): React.ReactElement | null {
  const { segments, pair, chosenWords, region } = props;
  const scores = React.useMemo(() => {
    if (!pair || !chosenWords.size) return null;
    const heat = heatOf(pair, chosenWords);
    return segments.map(({ id }) => {
      if (pair.problems[id]) return undefined;
      const shares = sharesOfCells(pair.cells[id] ?? [], pair.grid);
      return heat.reduce((sum, value, i) => sum + value * shares[i], 0);
    });
  }, [pair, chosenWords, segments]);
  if (!segments.length) return null;
  const peak = peakOf((scores ?? []).map((score) => score ?? 0));
  return (
    <div className="capviz-px-chips" role="group" aria-label="Segments of the image">
      {segments.map((segment, index) => {
        const pressed = region?.kind === "segment" && region.id === segment.id;
        const score = scores?.[index];
        const tint =
          score === undefined || peak === 0
            ? "transparent"
            : cssColor(signedColor, score / peak, 0.5);
        return (
          <button
            key={segment.id}
            type="button"
            className="capviz-px-chip"
            data-cy="capviz-pair-segment"
            aria-pressed={pressed}
            disabled={!pair}
            title={pair?.problems[segment.id]}
            style={{ "--tint": tint } as React.CSSProperties}
            onClick={() => props.onRegion(pressed ? null : { kind: "segment", id: segment.id })}
            onPointerEnter={() => props.onHot(segment.id)}
            onPointerLeave={() => props.onHot(null)}
            onFocus={() => props.onHot(segment.id)}
            onBlur={() => props.onHot(null)}
          >
            {segment.label}
            {score === undefined ? null : <span className="capviz-px-number">{signed(score)}</span>}
          </button>
        );
      })}
    </div>
  );
}
