import * as React from "react";
import { cellName, cellsBetween, centroid, type Cell, type Shares } from "../model/selections";
import { formatWeight } from "../model/weight";
import { selectionColor } from "./style";

export interface Layer {
  shares: Shares;
  weight: number;
}

interface Props {
  grid: number;
  /** Left, top, width, height of the patches, as shares of the image. */
  crop: [number, number, number, number];
  layers: Layer[];
  active: number;
  /** Patches let the pointer through while segments are clicked. */
  passive: boolean;
  onPaint: (cells: Cell[], inside: boolean) => void;
  /** A click or drag begins. */
  onPress: () => void;
  /** The segment at a point is meant, by shares of the image; `pressed` after two clicks there. */
  onWhole: (x: number, y: number, pressed: boolean) => void;
}

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
/** Pixels that a weight takes on a patch, and how much of the patch must carry it. */
const ROOM_FOR_NUMBERS = 19;
const LEAST_SHARE = 0.5;

/**
 * The patches over the image: click or drag to select, arrows and space by keyboard.
 * Double-click and Alt-click mean the whole segment.
 */
export function PatchGrid(props: Props) {
  const { grid, crop, layers, active, passive, onPaint } = props;
  const [focused, setFocused] = React.useState<[number, number]>([0, 0]);
  const root = React.useRef<HTMLDivElement>(null);
  const side = usePatchSide(root, grid);
  const pointer = usePointer(root, props);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step) {
      const [row, column] = focused.map((place, axis) =>
        Math.min(Math.max(place + step[axis], 0), grid - 1),
      );
      setFocused([row, column]);
      root.current?.querySelector<HTMLElement>(`[data-patch="${row},${column}"]`)?.focus();
    } else if (event.key === " " || event.key === "Enter") {
      const cell = cellName(...focused);
      onPaint([cell], !layers[active]?.shares.has(cell));
    } else return;
    event.preventDefault();
    event.stopPropagation(); // the App's modal turns the page by arrow keys
  };

  const [left, top, width, height] = crop.map((share) => `${share * 100}%`);
  return (
    <div
      ref={root}
      className="capviz-st-grid"
      role="grid"
      aria-label="Patches of the image"
      aria-multiselectable
      style={{
        left,
        top,
        width,
        height,
        gridTemplate: `repeat(${grid}, 1fr) / repeat(${grid}, 1fr)`,
        pointerEvents: passive ? "none" : "auto",
      }}
      onPointerDown={pointer.begin}
      onPointerMove={pointer.move}
      onPointerUp={pointer.end}
      onPointerCancel={pointer.end}
      onDoubleClick={(event) => {
        if (!event.altKey) pointer.whole(event, true);
      }}
      onKeyDown={onKeyDown}
    >
      {Array.from({ length: grid }, (_, row) => (
        <Row key={row} {...{ row, grid, layers, active, focused, side }} onFocus={setFocused} />
      ))}
      {side > 0
        ? layers.map((layer, index) => <Label key={index} {...{ layer, grid, side }} />)
        : null}
    </div>
  );
}

/** Pixels that a patch is wide; 0 while that is not known. */
function usePatchSide(root: React.RefObject<HTMLElement>, grid: number): number {
  const [side, setSide] = React.useState(0);
  React.useEffect(() => {
    const element = root.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const watch = new ResizeObserver(([entry]) => setSide(entry.contentRect.width / grid));
    watch.observe(element);
    return () => watch.disconnect();
  }, [root, grid]);
  return side;
}

/** What the pointer does: strokes paint patches in or wipe them out, Alt means the segment. */
function usePointer(root: React.RefObject<HTMLElement>, props: Props) {
  const { grid, crop, layers, active, onPaint } = props;
  const stroke = React.useRef<{ last: Cell; inside: boolean } | null>(null);

  const cellAt = (event: React.PointerEvent): Cell | null => {
    const box = root.current?.getBoundingClientRect();
    if (!box || !box.width || !box.height) return null;
    const column = Math.floor(((event.clientX - box.left) / box.width) * grid);
    const row = Math.floor(((event.clientY - box.top) / box.height) * grid);
    const inside = row >= 0 && column >= 0 && row < grid && column < grid;
    return inside ? cellName(row, column) : null;
  };

  const whole = (event: React.MouseEvent, pressed: boolean) => {
    const box = root.current?.getBoundingClientRect();
    if (!box || !box.width || !box.height) return;
    const x = crop[0] + ((event.clientX - box.left) / box.width) * crop[2];
    const y = crop[1] + ((event.clientY - box.top) / box.height) * crop[3];
    props.onWhole(x, y, pressed);
  };

  const begin = (event: React.PointerEvent) => {
    const cell = cellAt(event);
    if (event.button !== 0 || !cell) return;
    event.preventDefault();
    if (event.altKey) {
      whole(event, false);
      return;
    }
    props.onPress();
    root.current?.setPointerCapture(event.pointerId);
    const inside = !layers[active]?.shares.has(cell);
    stroke.current = { last: cell, inside };
    onPaint([cell], inside);
  };
  const move = (event: React.PointerEvent) => {
    const cell = cellAt(event);
    if (!stroke.current || !cell || cell === stroke.current.last) return;
    onPaint(cellsBetween(stroke.current.last, cell), stroke.current.inside);
    stroke.current.last = cell;
  };
  const end = () => {
    stroke.current = null;
  };
  return { begin, move, end, whole };
}

interface RowProps {
  row: number;
  grid: number;
  layers: Layer[];
  active: number;
  /** Row and column of the patch that the keyboard is on. */
  focused: [number, number];
  side: number;
  onFocus: (patch: [number, number]) => void;
}

/** One row of patches, tinted by the selections that they are in. */
function Row({ row, grid, layers, active, focused, side, onFocus }: RowProps) {
  return (
    <div role="row" style={{ display: "contents" }}>
      {Array.from({ length: grid }, (_, column) => {
        const name = cellName(row, column);
        const index = topLayer(layers, active, name);
        const share = index < 0 ? 0 : (layers[index].shares.get(name) ?? 0);
        const weight = index < 0 ? 1 : layers[index].weight;
        const shown = formatWeight(weight);
        const current = focused[0] === row && focused[1] === column;
        const selected = index >= 0;
        return (
          <div
            key={column}
            role="gridcell"
            className="capviz-st-patch"
            data-patch={name}
            data-weight={selected ? shown : undefined}
            aria-selected={selected}
            aria-label={`Patch ${row + 1}, ${column + 1}${selected ? `, weight ${shown}` : ""}`}
            tabIndex={current ? 0 : -1}
            onFocus={() => onFocus([row, column])}
            style={selected ? { backgroundColor: tint(selectionColor(index), share) } : undefined}
          >
            {selected && share >= LEAST_SHARE && side >= ROOM_FOR_NUMBERS ? `×${shown}` : null}
          </div>
        );
      })}
    </div>
  );
}

/** One number for all patches of a selection, where none of them has room for it. */
function Label({ layer, grid, side }: { layer: Layer; grid: number; side: number }) {
  const roomy = side >= ROOM_FOR_NUMBERS;
  if (roomy && [...layer.shares.values()].some((share) => share >= LEAST_SHARE)) return null;
  const middle = centroid(layer.shares);
  if (!middle) return null;
  const [top, left] = middle.map((place) => `${((place + 0.5) / grid) * 100}%`);
  return (
    <span className="capviz-st-weight" style={{ top, left }} aria-hidden>
      ×{formatWeight(layer.weight)}
    </span>
  );
}

/** The selection drawn on a patch: the active one before others. */
function topLayer(layers: Layer[], active: number, cell: Cell): number {
  if (layers[active]?.shares.has(cell)) return active;
  return layers.findIndex((layer) => layer.shares.has(cell));
}

function tint(color: string, share: number): string {
  const alpha = Math.round((0.12 + 0.48 * share) * 255);
  return `${color}${alpha.toString(16).padStart(2, "0")}`;
}
