import * as React from "react";
import { isEmpty, type Selection, type Shares } from "../model/selections";
import {
  formatWeight,
  LAST_POSITION,
  leastWeight,
  meaningOf,
  NEUTRAL_POSITION,
  positionOf,
  weightAt,
  weightRefusal,
} from "../model/weight";
import type { Method } from "../model/choices";
import { selectionColor } from "./style";

interface Props {
  selections: Selection[];
  shares: Shares[];
  active: number;
  method: Method;
  onActivate: (index: number) => void;
  onAdd: () => void;
  onRemove: (index: number) => void;
  onWeight: (weight: number) => void;
}

/** The selections, and the weight of the active one by number and by slider. */
export function WeightDial(props: Props) {
  const { selections, active, method, onWeight } = props;
  const { weight } = selections[active];
  const [typed, setTyped] = React.useState<string | null>(null);
  const refusal = typed ? weightRefusal(Number(typed), method) : null;
  return (
    <div className="capviz-card">
      <h3>Selections and their weights</h3>
      <SelectionChips {...props} />
      <div className="capviz-row" style={{ marginTop: 8, flexWrap: "nowrap" }}>
        <Slider
          weight={weight}
          method={method}
          onWeight={(next) => {
            setTyped(null);
            onWeight(next);
          }}
        />
        <label>
          <span className="capviz-muted">×</span>
          <input
            type="number"
            min={leastWeight(method)}
            max={weightAt(LAST_POSITION)}
            step="any"
            value={typed ?? formatWeight(weight)}
            data-cy="capviz-weight"
            aria-label="Weight of the selection"
            aria-invalid={refusal !== null}
            style={{ width: 76 }}
            onChange={(event) => {
              const text = event.target.value;
              setTyped(text);
              if (text && !weightRefusal(Number(text), method)) onWeight(Number(text));
            }}
            onBlur={() => setTyped(null)}
          />
        </label>
      </div>
      <p className="capviz-muted capviz-small" style={{ margin: "6px 0 0" }} aria-live="polite">
        {refusal === null ? (
          meaningOf(weight, method)
        ) : (
          <span className="capviz-st-down">
            {refusal} ×{formatWeight(weight)} stays.
          </span>
        )}
      </p>
    </div>
  );
}

/** The selections, of which one is active. */
function SelectionChips(props: Props) {
  const { selections, active } = props;
  return (
    <div className="capviz-st-chips" role="radiogroup" aria-label="Selections">
      {selections.map((one, index) => (
        <span key={one.id} className="capviz-row" style={{ gap: 0, flexWrap: "nowrap" }}>
          <button
            type="button"
            role="radio"
            className="capviz-st-chip"
            data-cy="capviz-selection"
            aria-checked={index === active}
            style={{ "--chip": selectionColor(index) } as React.CSSProperties}
            onClick={() => props.onActivate(index)}
          >
            <span className="capviz-st-swatch" />
            {isEmpty(one) ? "nothing selected" : `${props.shares[index].size} patches`}
            <b>×{formatWeight(one.weight)}</b>
          </button>
          {selections.length > 1 || !isEmpty(one) ? (
            <button
              type="button"
              className="capviz-quiet"
              aria-label={`Clear selection ${index + 1}`}
              onClick={() => props.onRemove(index)}
            >
              ✕
            </button>
          ) : null}
        </span>
      ))}
      <button
        type="button"
        className="capviz-st-chip"
        data-cy="capviz-add-selection"
        disabled={isEmpty(selections[active])}
        title="Another selection with a weight of its own"
        onClick={props.onAdd}
      >
        + selection
      </button>
    </div>
  );
}

interface SliderProps {
  weight: number;
  method: Method;
  onWeight: (weight: number) => void;
}

/** A logarithmic slider over its scale. */
function Slider({ weight, method, onWeight }: SliderProps) {
  const least = leastWeight(method);
  const first = method === "contrast" ? NEUTRAL_POSITION : 0;
  return (
    <div className="capviz-st-grow">
      <input
        type="range"
        min={first}
        max={LAST_POSITION}
        step={1}
        value={positionOf(weight)}
        data-cy="capviz-weight-slider"
        aria-label="Weight, logarithmic; the lowest stop removes"
        aria-valuetext={weight === 0 ? "remove" : `times ${weight}`}
        style={{ width: "100%" }}
        onChange={(event) => onWeight(weightAt(Number(event.target.value)))}
      />
      <div className="capviz-muted" style={SCALE} aria-hidden>
        {TICKS.filter((tick) => tick >= least).map((tick) => (
          <span key={tick} style={placeOf(tick, first)}>
            {tick === 0 ? "remove" : tick}
          </span>
        ))}
      </div>
    </div>
  );
}

const TICKS = [0, 1, 10, 100];
const THUMB = 16;
const SCALE: React.CSSProperties = { position: "relative", height: 14, fontSize: 10 };

/** Below the middle of the slider's thumb at that weight. */
function placeOf(weight: number, first: number): React.CSSProperties {
  const share = (positionOf(weight) - first) / (LAST_POSITION - first);
  const shift = share === 0 ? "0" : share === 1 ? "-100%" : "-50%";
  const inset = share === 0 ? -THUMB / 2 : share === 1 ? THUMB / 2 : 0;
  return {
    position: "absolute",
    left: `calc(${THUMB / 2}px + (100% - ${THUMB}px) * ${share} + ${inset}px)`,
    transform: `translateX(${shift})`,
  };
}
