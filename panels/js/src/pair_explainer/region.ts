/** A part of the image that the user chose, and what can be wrong with it. */
import { sharesOfBox, sharesOfCells, total, type Pair } from "./maps";
import type { Box, Segment } from "./payloads";

export type Region = { kind: "box"; box: Box } | { kind: "segment"; id: string };

export interface RegionShares {
  /** How much of each patch it covers, "p p"; null where it cannot be used. */
  shares: Float32Array | null;
  /** Why not, or null. */
  problem: string | null;
}

/** The patches of a region on the grid of a pair. */
export function sharesOf(region: Region, pair: Pair): RegionShares {
  if (region.kind === "segment") {
    const cells = pair.cells[region.id];
    if (cells?.length) return { shares: sharesOfCells(cells, pair.grid), problem: null };
    return { shares: null, problem: "The encoder does not see this segment: it crops the middle." };
  }
  const patch = (pair.crop[2] / pair.grid) * (pair.crop[3] / pair.grid);
  if (region.box[2] * region.box[3] < 0.999 * patch) {
    return { shares: null, problem: "The box must be as large as one patch; draw a larger one." };
  }
  const shares = sharesOfBox(region.box, pair.crop, pair.grid);
  if (total(shares) > 1e-6) return { shares, problem: null };
  return { shares: null, problem: "The encoder does not see this part: it crops the middle." };
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
