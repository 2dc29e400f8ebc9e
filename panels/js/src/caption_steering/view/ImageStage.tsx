import * as React from "react";
import type { PlacePayload, Segment } from "../../payloads/caption_steering";
import { OUTLINE_SIDE, segmentAt } from "../model/hit";
import type { Cell } from "../model/selections";
import { PatchGrid, type Layer } from "./PatchGrid";

interface Props {
  src: string;
  name: string;
  place: PlacePayload | null;
  segments: Segment[];
  layers: Layer[];
  active: number;
  outlines: boolean;
  clicks: "patches" | "segments";
  hot: string | null;
  loading: string | null;
  onPaint: (cells: Cell[], inside: boolean) => void;
  onPress: () => void;
  onSegment: (id: string, pressed?: boolean) => void;
  onHot: (id: string | null) => void;
}

const HIGHEST = "min(56vh, 560px)";

/** The image, the outlines of its segments, and its patches. */
export function ImageStage(props: Props) {
  const { place, segments, clicks, hot } = props;
  const [aspect, setAspect] = React.useState(1);
  // Small segments last, so that they lie on top of those that contain them.
  const ordered = React.useMemo(
    () => [...segments].sort((a, b) => (b.area ?? 0) - (a.area ?? 0)),
    [segments],
  );
  const shown = (id: string) => props.outlines || clicks === "segments" || id === hot;
  return (
    <div
      className="capviz-st-stage"
      style={{ width: `min(100%, calc(${HIGHEST} * ${aspect}))`, aspectRatio: aspect }}
    >
      <img
        src={props.src}
        alt={props.name}
        draggable={false}
        onLoad={({ currentTarget: image }) => {
          if (image.naturalHeight) setAspect(image.naturalWidth / image.naturalHeight);
        }}
      />
      <svg viewBox={`0 0 ${OUTLINE_SIDE} ${OUTLINE_SIDE}`} preserveAspectRatio="none" aria-hidden>
        {ordered
          .filter(({ id }) => shown(id))
          .map((segment) => (
            <path
              key={segment.id}
              className="capviz-st-outline"
              d={segment.outline}
              fillRule="evenodd"
              data-segment={segment.id}
              data-hit={clicks === "segments" && place !== null}
              data-hot={segment.id === hot}
              onClick={() => props.onSegment(segment.id)}
              onPointerEnter={() => props.onHot(segment.id)}
              onPointerLeave={() => props.onHot(null)}
            />
          ))}
      </svg>
      {place ? (
        <PatchGrid
          grid={place.grid}
          crop={place.crop}
          layers={props.layers}
          active={props.active}
          passive={clicks === "segments"}
          onPaint={props.onPaint}
          onPress={props.onPress}
          onWhole={(x, y, pressed) => {
            const found = segmentAt(segments, x, y);
            if (found) props.onSegment(found.id, pressed);
          }}
        />
      ) : null}
      {props.loading ? (
        <div className="capviz-st-hint" role="status">
          {props.loading}
        </div>
      ) : null}
    </div>
  );
}
