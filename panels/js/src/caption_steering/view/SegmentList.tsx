import * as React from "react";
import type { Segment } from "../../payloads/caption_steering";

interface Props {
  segments: Segment[];
  chosen: string[];
  color: string;
  disabled: boolean;
  onSegment: (id: string) => void;
  onHot: (id: string | null) => void;
}

/** The image's segments as buttons, largest first: the keyboard's way to click one. */
export function SegmentList({ segments, chosen, color, disabled, onSegment, onHot }: Props) {
  if (!segments.length) {
    return (
      <p className="capviz-muted capviz-small" style={{ margin: 0 }}>
        This image has no segments; select patches, or run “Segment images”.
      </p>
    );
  }
  const ordered = [...segments].sort((a, b) => (b.area ?? 0) - (a.area ?? 0));
  return (
    <div
      className="capviz-st-chips"
      role="group"
      aria-label="Segments"
      style={{ "--chip": color } as React.CSSProperties}
    >
      {ordered.map((segment) => (
        <button
          key={segment.id}
          type="button"
          className="capviz-st-chip"
          data-cy="capviz-steer-segment"
          data-segment={segment.id}
          aria-pressed={chosen.includes(segment.id)}
          disabled={disabled}
          title={segment.coverage === 0 ? "No word of the caption covers it" : undefined}
          onClick={() => onSegment(segment.id)}
          onPointerEnter={() => onHot(segment.id)}
          onPointerLeave={() => onHot(null)}
          onFocus={() => onHot(segment.id)}
          onBlur={() => onHot(null)}
        >
          <span>{segment.label}</span>
          {segment.area === null ? null : (
            <span className="capviz-muted">{formatShare(segment.area)}</span>
          )}
        </button>
      ))}
    </div>
  );
}

function formatShare(area: number): string {
  return area < 0.01 ? "<1%" : `${Math.round(area * 100)}%`;
}
