/** Selections of patches: made of segments, of single patches added, and of patches taken out. */

import type { CoveredCell } from "../../payloads/caption_steering";

/** "row,column" */
export type Cell = string;

export interface Selection {
  id: number;
  weight: number;
  segments: string[];
  added: Cell[];
  removed: Cell[];
}

/** How much of each patch a selection means, 0..1; patches not in it are missing. */
export type Shares = Map<Cell, number>;

export type SegmentCells = Record<string, CoveredCell[]>;

export function cellName(row: number, column: number): Cell {
  return `${row},${column}`;
}

function numbers(cells: Cell[]): number[][] {
  return cells.map((cell) => cell.split(",").map(Number));
}

export function emptySelection(id: number, weight: number): Selection {
  return { id, weight, segments: [], added: [], removed: [] };
}

export function isEmpty(selection: Selection): boolean {
  return selection.segments.length === 0 && selection.added.length === 0;
}

/** For drawing: what Python computes with the exact numbers. */
export function sharesOf(selection: Selection, cells: SegmentCells): Shares {
  const shares: Shares = new Map();
  for (const id of selection.segments) {
    for (const [row, column, share] of cells[id] ?? []) {
      const name = cellName(row, column);
      shares.set(name, Math.max(share, shares.get(name) ?? 0));
    }
  }
  selection.removed.forEach((cell) => shares.delete(cell));
  selection.added.forEach((cell) => shares.set(cell, 1));
  return shares;
}

/** The middle of a selection's patches as row and column, by their shares; null without any. */
export function centroid(shares: Shares): [number, number] | null {
  let [total, rows, columns] = [0, 0, 0];
  for (const [cell, share] of shares) {
    const [[row, column]] = numbers([cell]);
    total += share;
    rows += share * row;
    columns += share * column;
  }
  return total > 0 ? [rows / total, columns / total] : null;
}

/** The selection with patches painted in or wiped out. */
export function paint(
  selection: Selection,
  painted: Cell[],
  inside: boolean,
  cells: SegmentCells,
): Selection {
  const chosen = new Set(painted);
  const keep = (cell: Cell) => !chosen.has(cell);
  const added = selection.added.filter(keep);
  const removed = selection.removed.filter(keep);
  if (inside) return { ...selection, added: [...added, ...chosen], removed };
  const bySegments = sharesOf({ ...selection, added: [], removed: [] }, cells);
  const out = [...chosen].filter((cell) => bySegments.has(cell));
  return { ...selection, added, removed: [...removed, ...out] };
}

/** The selection with a segment put in, or taken out if it was in. */
export function toggleSegment(selection: Selection, id: string, cells: SegmentCells): Selection {
  if (selection.segments.includes(id)) {
    return { ...selection, segments: selection.segments.filter((one) => one !== id) };
  }
  const own = new Set((cells[id] ?? []).map(([row, column]) => cellName(row, column)));
  return {
    ...selection,
    segments: [...selection.segments, id],
    removed: selection.removed.filter((cell) => !own.has(cell)),
  };
}

/** As the panel's Python side takes it. */
export function sentSelection(selection: Selection): Record<string, unknown> {
  return {
    weight: selection.weight,
    segments: selection.segments,
    added: numbers(selection.added),
    removed: numbers(selection.removed),
  };
}

/** The patches on the line between two: a fast drag passes over some unseen. */
export function cellsBetween(from: Cell, to: Cell): Cell[] {
  const [[r0, c0], [r1, c1]] = numbers([from, to]);
  const steps = Math.max(Math.abs(r1 - r0), Math.abs(c1 - c0));
  const cells: Cell[] = [];
  for (let step = 0; step <= steps; step++) {
    const part = steps === 0 ? 0 : step / steps;
    cells.push(cellName(Math.round(r0 + (r1 - r0) * part), Math.round(c0 + (c1 - c0) * part)));
  }
  return cells;
}
