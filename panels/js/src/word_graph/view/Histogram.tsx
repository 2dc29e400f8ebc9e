import * as React from "react";
import type { Palette } from "../../ui/palette";
import { BINS, brushBetween, brushedCount, clamp, type Brush } from "../graph/scales";

const HEIGHT = 46;
const AXIS = 14;

export interface HistogramProps {
  /** Captions in each of 20 equal bins of the match score, 0..1. */
  scores: readonly number[];
  brush: Brush | null;
  change: (brush: Brush | null) => void;
  palette: Palette;
}

/** The distribution of the match scores; a drag across it chooses a range. */
export function Histogram(props: HistogramProps) {
  const { brush, palette } = props;
  const area = React.useRef<SVGSVGElement>(null);
  const gestures = useGestures(area, props);
  const range = rangeOf(brush);
  return (
    <div className="capviz-wg-histogram">
      <Heading {...props} />
      <svg
        ref={area}
        data-cy="capviz-itm-brush"
        className="capviz-wg-brush"
        viewBox={`0 0 ${BINS} ${HEIGHT}`}
        preserveAspectRatio="none"
        height={HEIGHT}
        role="slider"
        tabIndex={0}
        aria-label="Range of match scores; arrow keys move it, with shift its upper end"
        aria-valuemin={0}
        aria-valuemax={1}
        aria-valuenow={range?.from ?? 0}
        aria-valuetext={range ? `${range.from} to ${range.to}` : "all scores"}
        onPointerDown={gestures.start}
        onPointerMove={gestures.move}
        onPointerUp={gestures.end}
        onPointerCancel={gestures.cancel}
        onKeyDown={gestures.nudge}
      >
        <rect width={BINS} height={HEIGHT} fill={palette.raised} />
        <Bars {...props} />
        {brush && (
          <rect
            x={brush.from}
            width={brush.to - brush.from}
            height={HEIGHT}
            fill={palette.accent}
            opacity={0.14}
            pointerEvents="none"
          />
        )}
      </svg>
      <div className="capviz-wg-axis" style={{ height: AXIS }}>
        {[0, 0.25, 0.5, 0.75, 1].map((at) => (
          <span key={at}>{at}</span>
        ))}
      </div>
    </div>
  );
}

/** What pointer and keyboard do to the range. */
function useGestures(area: React.RefObject<SVGSVGElement>, { brush, change }: HistogramProps) {
  const from = React.useRef<number | null>(null);
  const place = (event: React.PointerEvent) => {
    const box = area.current?.getBoundingClientRect();
    return box?.width ? clamp((event.clientX - box.left) / box.width, 0, 1) : 0;
  };
  const start = (event: React.PointerEvent) => {
    if (event.button) return;
    from.current = place(event);
    event.currentTarget.setPointerCapture?.(event.pointerId);
  };
  const move = (event: React.PointerEvent) => {
    if (from.current === null) return;
    const now = place(event);
    if (Math.abs(now - from.current) > 0.01) change(brushBetween(from.current, now));
  };
  const end = (event: React.PointerEvent) => {
    const begun = from.current;
    from.current = null;
    // A click without a drag takes the range away.
    if (begun !== null && Math.abs(place(event) - begun) <= 0.01) change(null);
  };
  const cancel = () => {
    from.current = null;
  };
  const nudge = (event: React.KeyboardEvent) => {
    const next = nudged(brush, event.key, event.shiftKey);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    change(next);
  };
  return { start, move, end, cancel, nudge };
}

/** The range in numbers, with a button that clears it. */
function Heading({ scores, brush, change }: HistogramProps) {
  const all = scores.reduce((sum, one) => sum + one, 0);
  const range = rangeOf(brush);
  return (
    <div className="capviz-wg-caption">
      <span>Match score</span>
      <span className="capviz-wg-gap" />
      {brush && range ? (
        <>
          <b data-cy="capviz-itm-range">
            {range.from.toFixed(2)}–{range.to.toFixed(2)}
          </b>
          <span>
            {brushedCount(scores, brush).toLocaleString("en")} of {all.toLocaleString("en")}
          </span>
          <button
            type="button"
            className="capviz-wg-plain"
            aria-label="Clear the range of match scores"
            onClick={() => change(null)}
          >
            ×
          </button>
        </>
      ) : (
        <span className="capviz-wg-quiet">
          {all ? "drag to choose a range" : "no scores yet: run Score captions"}
        </span>
      )}
    </div>
  );
}

/** A bar for each bin; those in the range are told apart. */
function Bars({ scores, brush, palette }: HistogramProps) {
  const most = Math.max(1, ...scores);
  return (
    <>
      {scores.map((count, bin) => {
        // Square roots: a few bad matches beside thousands of good ones stay visible.
        const height = Math.sqrt(count / most) * (HEIGHT - 4);
        const inside = !brush || (bin >= brush.from && bin < brush.to);
        return (
          <rect
            key={bin}
            x={bin + 0.08}
            width={0.84}
            y={HEIGHT - height}
            height={height}
            fill={brush && inside ? palette.accent : palette.muted}
            opacity={inside ? 0.95 : 0.4}
          >
            <title>{`${(bin / BINS).toFixed(2)}–${((bin + 1) / BINS).toFixed(2)}: ${count}`}</title>
          </rect>
        );
      })}
    </>
  );
}

function rangeOf(brush: Brush | null): { from: number; to: number } | null {
  return brush && { from: brush.from / BINS, to: brush.to / BINS };
}

/** The range after a key; undefined where the key means nothing here. */
export function nudged(brush: Brush | null, key: string, upper: boolean): Brush | null | undefined {
  if (key === "Escape" || key === "Delete") return brush ? null : undefined;
  const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  if (!step) return undefined;
  if (!brush) return { from: 0, to: BINS / 2 };
  if (upper) return { from: brush.from, to: clamp(brush.to + step, brush.from + 1, BINS) };
  return { from: clamp(brush.from + step, 0, brush.to - 1), to: brush.to };
}
