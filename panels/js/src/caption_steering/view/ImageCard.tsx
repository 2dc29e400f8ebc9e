import * as React from "react";
import type { ImagePayload, PlacePayload } from "../../payloads/caption_steering";
import type { Cell } from "../model/selections";
import { ImageStage } from "./ImageStage";
import type { Layer } from "./PatchGrid";
import { SegmentList } from "./SegmentList";
import { selectionColor } from "./style";

interface Props {
  image: ImagePayload;
  place: PlacePayload | null;
  src: string;
  layers: Layer[];
  active: number;
  chosenSegments: string[];
  loading: string | null;
  /** Null in the modal, whose own arrows turn the page. */
  onStep: ((step: number) => void) | null;
  onField: (field: string) => void;
  onPaint: (cells: Cell[], inside: boolean) => void;
  /** A click or drag on the patches begins. */
  onPress: () => void;
  /** `pressed`: two clicks on a patch came before, which meant the segment. */
  onSegment: (id: string, pressed?: boolean) => void;
}

type Clicks = "patches" | "segments";

/** Which image, the image itself, and its segments. */
export function ImageCard(props: Props) {
  const { image } = props;
  const [clicks, setClicks] = React.useState<Clicks>("patches");
  const [outlines, setOutlines] = React.useState(true);
  const [hot, setHot] = React.useState<string | null>(null);
  const name = image.filepath.split(/[\\/]/).pop() ?? "";
  return (
    <div className="capviz-card">
      <WhichImage {...props} name={name} />
      <ImageStage
        src={props.src}
        name={name}
        place={props.place}
        segments={image.segments}
        layers={props.layers}
        active={props.active}
        outlines={outlines}
        clicks={clicks}
        hot={hot}
        loading={props.loading}
        onPaint={props.onPaint}
        onPress={props.onPress}
        onSegment={props.onSegment}
        onHot={setHot}
      />
      <div className="capviz-row" style={{ margin: "8px 0" }}>
        <ClickSwitch clicks={clicks} anySegments={image.segments.length > 0} onClicks={setClicks} />
        <label className="capviz-small">
          <input
            type="checkbox"
            checked={outlines}
            data-cy="capviz-outlines"
            onChange={(event) => setOutlines(event.target.checked)}
          />
          Outlines
        </label>
        {clicks === "patches" && image.segments.length ? (
          <span className="capviz-muted capviz-small">
            Double-click or Alt-click takes the whole segment.
          </span>
        ) : null}
      </div>
      <SegmentList
        segments={image.segments}
        chosen={props.chosenSegments}
        color={selectionColor(props.active)}
        disabled={props.place === null}
        onSegment={props.onSegment}
        onHot={setHot}
      />
    </div>
  );
}

/** The image's name and place in the view, the way to its neighbors, and its caption field. */
function WhichImage({ image, name, onStep, onField }: Props & { name: string }) {
  return (
    <div className="capviz-row" style={{ marginBottom: 8 }}>
      {onStep ? <Arrow label="Previous sample" text="‹" onClick={() => onStep(-1)} /> : null}
      <span
        className="capviz-st-grow"
        style={{ overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" }}
        title={image.filepath}
      >
        {name}
      </span>
      {image.caption_fields.length > 1 ? (
        <select
          value={image.caption_field}
          aria-label="Caption field"
          data-cy="capviz-steer-field"
          onChange={(event) => onField(event.target.value)}
        >
          {image.caption_fields.map((field) => (
            <option key={field}>{field}</option>
          ))}
        </select>
      ) : null}
      {image.position === null || !onStep ? null : (
        <span className="capviz-muted capviz-small">
          {image.position + 1} of {image.total}
        </span>
      )}
      {onStep ? <Arrow label="Next sample" text="›" onClick={() => onStep(1)} /> : null}
    </div>
  );
}

function ClickSwitch(props: {
  clicks: Clicks;
  anySegments: boolean;
  onClicks: (clicks: Clicks) => void;
}) {
  return (
    <div className="capviz-switch" role="radiogroup" aria-label="A click selects">
      {(["patches", "segments"] as const).map((mode) => (
        <button
          key={mode}
          type="button"
          role="radio"
          aria-checked={props.clicks === mode}
          data-cy={`capviz-click-${mode}`}
          disabled={mode === "segments" && !props.anySegments}
          title={MEANINGS[mode]}
          onClick={() => props.onClicks(mode)}
        >
          {mode === "patches" ? "Patches" : "Segments"}
        </button>
      ))}
    </div>
  );
}

const MEANINGS = {
  patches: "A click takes one patch; a double-click or Alt-click the smallest segment there",
  segments: "A click takes the smallest segment there",
};

function Arrow(props: { label: string; text: string; onClick: () => void }) {
  return (
    <button
      type="button"
      className="capviz-quiet"
      style={{ fontSize: 18, lineHeight: 1 }}
      aria-label={props.label}
      data-cy={props.text === "‹" ? "capviz-previous-sample" : "capviz-next-sample"}
      onClick={props.onClick}
    >
      {props.text}
    </button>
  );
}
