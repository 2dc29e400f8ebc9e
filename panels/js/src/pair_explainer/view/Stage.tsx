import * as React from "react";
import { HeatCanvas } from "../../heat/HeatCanvas";
import type { Box, Segment } from "../../payloads/pair_explainer";
import { boxAfterKey, boxBetween, type Region } from "../model/region";

export interface StageProps {
  src: string;
  name: string;
  /** What the grid shows of the image; null while nothing is explained yet. */
  place: { crop: Box; grid: number } | null;
  heat: Float32Array | null;
  peak: number;
  /** Whether patches are drawn as the blocks that they are. */
  blocks: boolean;
  segments: Segment[];
  outlines: boolean;
  hot: string | null;
  region: Region | null;
  hint: string | null;
  busy: boolean;
  /** Null where no region can be chosen. */
  onRegion: ((region: Region | null) => void) | null;
}

const HIGHEST = "min(60vh, 620px)";
/** A drag shorter than this, in pixels, is a click. */
const CLICK = 5;
const HELP =
  "Drag a box, or click a segment. By keyboard: Enter makes a box, arrows move it, Shift and arrows resize it, Escape removes it.";

interface Stroke {
  from: [number, number];
  at: [number, number];
  segment: string | null;
  box: Box | null;
}

/** The image, the heat on it, the outlines of its segments, and the box that is drawn. */
export function Stage(props: StageProps): React.ReactElement {
  const { place, region, onRegion } = props;
  const [aspect, setAspect] = React.useState(1);
  const [failed, setFailed] = React.useState(false);
  const root = React.useRef<HTMLDivElement>(null);
  const stroke = useStroke(root, props);
  const box = stroke.box ?? (region?.kind === "box" ? region.box : null);
  return (
    <div
      ref={root}
      className="capviz-px-stage"
      data-cy="capviz-pair-stage"
      data-heat={props.heat !== null}
      role="group"
      aria-label={onRegion ? `${props.name}. ${HELP}` : props.name}
      aria-busy={props.busy}
      tabIndex={onRegion ? 0 : undefined}
      title={onRegion ? HELP : undefined}
      style={{ width: `min(100%, calc(${HIGHEST} * ${aspect}))`, aspectRatio: aspect }}
      onPointerDown={stroke.begin}
      onPointerMove={stroke.move}
      onPointerUp={stroke.end}
      onPointerCancel={stroke.cancel}
      onKeyDown={(event) => boxByKey(event, props)}
    >
      <img
        src={props.src}
        alt={props.name}
        draggable={false}
        onError={() => setFailed(true)}
        onLoad={({ currentTarget: image }) => {
          setFailed(false);
          if (image.naturalHeight) setAspect(image.naturalWidth / image.naturalHeight);
        }}
      />
      {place && props.heat ? (
        <HeatCanvas
          heat={props.heat}
          peak={props.peak}
          grid={place.grid}
          crop={place.crop}
          blocks={props.blocks}
          faded={props.busy}
        />
      ) : null}
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden>
        {place ? <Unseen crop={place.crop} /> : null}
        <Outlines {...props} />
        {box ? (
          <>
            <rect className="capviz-px-box-shade" {...rectOf(box)} />
            <rect className="capviz-px-box" data-cy="capviz-pair-box" {...rectOf(box)} />
          </>
        ) : null}
      </svg>
      <Hint failed={failed} busy={props.busy} hint={props.hint} />
    </div>
  );
}

/** What the pointer does: a drag draws a box, a click takes a segment or gives the region up. */
function useStroke(root: React.RefObject<HTMLElement>, { place, region, onRegion }: StageProps) {
  const [stroke, setStroke] = React.useState<Stroke | null>(null);

  const pointOf = (event: React.PointerEvent): [number, number] => {
    const frame = root.current?.getBoundingClientRect();
    if (!frame?.width || !frame.height) return [0, 0];
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
  };
  const begin = (event: React.PointerEvent) => {
    if (event.button !== 0 || !onRegion || !place) return;
    const target = event.target as Element;
    const segment = target.getAttribute("data-segment");
    setStroke({ from: pointOf(event), at: [event.clientX, event.clientY], segment, box: null });
    root.current?.setPointerCapture?.(event.pointerId);
  };
  const move = (event: React.PointerEvent) => {
    if (!stroke) return;
    const far = Math.hypot(event.clientX - stroke.at[0], event.clientY - stroke.at[1]) > CLICK;
    if (far || stroke.box) setStroke({ ...stroke, box: boxBetween(stroke.from, pointOf(event)) });
  };
  const end = () => {
    if (!stroke || !onRegion) return;
    setStroke(null);
    if (stroke.box) onRegion({ kind: "box", box: stroke.box });
    else if (stroke.segment && stroke.segment !== segmentOf(region))
      onRegion({ kind: "segment", id: stroke.segment });
    else onRegion(null);
  };
  return { box: stroke?.box ?? null, begin, move, end, cancel: () => setStroke(null) };
}

/** Enter makes a box, arrows move or resize it, Escape gives the region up. */
function boxByKey(event: React.KeyboardEvent, { place, region, onRegion }: StageProps): void {
  if (!onRegion || !place) return;
  const present = region?.kind === "box" ? region.box : null;
  const next = boxAfterKey(event.key, event.shiftKey, present, place.crop, place.grid);
  if (next) onRegion({ kind: "box", box: next });
  else if (event.key === "Escape" && region) onRegion(null);
  else return;
  event.preventDefault();
  event.stopPropagation(); // the App's modal turns the page by arrow keys
}

/** The outlines of the segments, where a region can be chosen. */
function Outlines(props: StageProps): React.ReactElement | null {
  const { segments, region, onRegion } = props;
  // Small segments last, so that they lie on top of those that contain them.
  const ordered = React.useMemo(
    () => [...segments].sort((a, b) => (b.area ?? 0) - (a.area ?? 0)),
    [segments],
  );
  if (!onRegion) return null;
  const chosen = segmentOf(region);
  return (
    <>
      {ordered.map((segment) => (
        <path
          key={segment.id}
          className="capviz-px-outline"
          d={segment.outline}
          fillRule="evenodd"
          data-segment={segment.id}
          data-shown={props.outlines}
          data-hot={segment.id === props.hot}
          data-chosen={segment.id === chosen}
        />
      ))}
    </>
  );
}

function Hint(props: {
  failed: boolean;
  busy: boolean;
  hint: string | null;
}): React.ReactElement | null {
  if (props.failed) {
    return (
      <div className="capviz-px-hint" role="alert">
        The image cannot be shown.
      </div>
    );
  }
  if (!props.busy && !props.hint) return null;
  return (
    <div className="capviz-px-hint" role="status" data-busy={props.busy}>
      {props.busy ? <span className="capviz-spin" /> : null}
      {props.hint ?? "Explaining …"}
    </div>
  );
}

function segmentOf(region: Region | null): string | null {
  return region?.kind === "segment" ? region.id : null;
}

/** What the encoder's processor cut away. */
function Unseen({ crop }: { crop: Box }): React.ReactElement | null {
  const [left, top, width, height] = crop.map((share) => 1000 * share);
  if (left <= 0.5 && top <= 0.5 && width >= 999 && height >= 999) return null;
  const inner = `M${left} ${top}h${width}v${height}h${-width}Z`;
  return (
    <path className="capviz-px-unseen" fillRule="evenodd" d={`M0 0H1000V1000H0Z${inner}`}>
      <title>The encoder does not see this part</title>
    </path>
  );
}

function rectOf([left, top, width, height]: Box) {
  return { x: 1000 * left, y: 1000 * top, width: 1000 * width, height: 1000 * height };
}
