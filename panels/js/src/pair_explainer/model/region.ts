/** A part of the image that the user chose, and what can be wrong with it. */
import type { Box, Segment } from "../../payloads/pair_explainer";
import { sharesOfCells, type Pair } from "./maps";
import { placeBox, roundEven, type Place, type PlacedRegion } from "./place";

export type Region = { kind: "box"; box: Box } | { kind: "segment"; id: string };

export interface RegionShares {
  /** How much of each patch it covers, "p p"; null where it cannot be used. */
  shares: Float32Array | null;
  /** Why not, or null. */
  problem: string | null;
}

/** The patches of a region on the grid of a pair; the rules are those of pair_slices.py. */
export function sharesOf(region: Region, pair: Pair): RegionShares {
  if (region.kind === "box") return sharesOfBox(region.box, pair);
  const problem = pair.problems[region.id] ?? null;
  const cells = pair.cells[region.id] ?? [];
  return problem === null
    ? { shares: sharesOfCells(cells, pair.grid), problem }
    : { shares: null, problem };
}

export function sharesOfBox(box: Box, place: Place): RegionShares {
  const found = placeBox(box, place);
  const problem = problemOf(found, place);
  return problem === null ? { shares: found.shares, problem } : { shares: null, problem };
}

function problemOf({ pixels, seen }: PlacedRegion, place: Place): string | null {
  const [left, top, right, bottom] = place.seen;
  const [width, height] = [(right - left) / place.grid, (bottom - top) / place.grid];
  const least = Math.max(1, (width - 1) * (height - 1)); // rounding may take an edge
  if (pixels < least) {
    return `A region must be at least as large as a patch (${roundEven(width * height)} pixels); this one has ${pixels}. Choose a larger one.`;
  }
  if (seen < 0.999 * least) {
    return "The model sees only the centre of this image, and less than a patch of the region is in it. Choose a region nearer to the centre.";
  }
  return null;
}

export function nameOf(region: Region | null, segments: Segment[]): string {
  if (!region) return "the whole image";
  if (region.kind === "box") return "the box";
  const segment = segments.find(({ id }) => id === region.id);
  return `the segment “${segment?.label ?? "segment"}”`;
}

/** The box between two points, each a pair of shares of the image. */
export function boxBetween(from: [number, number], to: [number, number]): Box {
  const [x0, x1] = [from[0], to[0]].map(clip).sort((a, b) => a - b);
  const [y0, y1] = [from[1], to[1]].map(clip).sort((a, b) => a - b);
  return [x0, y0, x1 - x0, y1 - y0];
}

function clip(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** The box after a key: arrows move it by a patch, with Shift they resize it; null for others. */
export function boxAfterKey(
  key: string,
  resize: boolean,
  box: Box | null,
  crop: Box,
  grid: number,
): Box | null {
  const patch = [crop[2] / grid, crop[3] / grid];
  if (key === "Enter" && !box) {
    const from = Math.floor(grid / 3);
    const size = Math.max(1, grid - 2 * from);
    const left = crop[0] + from * patch[0];
    return [left, crop[1] + from * patch[1], size * patch[0], size * patch[1]];
  }
  const step = STEPS[key];
  if (!step || !box) return null;
  const [dx, dy] = [step[0] * patch[0], step[1] * patch[1]];
  const [left, top, width, height] = box;
  if (resize) {
    const wide = Math.min(Math.max(width + dx, patch[0]), 1 - left);
    return [left, top, wide, Math.min(Math.max(height + dy, patch[1]), 1 - top)];
  }
  const x = Math.min(Math.max(left + dx, 0), 1 - width);
  return [x, Math.min(Math.max(top + dy, 0), 1 - height), width, height];
}
