export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const CELL = 48;

/** Boxes by the cells that they touch: a look at a few of them tells what a box overlaps. */
export class BoxGrid {
  private readonly boxes: Box[] = [];
  private readonly cells = new Map<number, number[]>();

  add(box: Box): void {
    const index = this.boxes.push(box) - 1;
    for (const cell of cellsOf(box)) {
      const held = this.cells.get(cell);
      if (held) held.push(index);
      else this.cells.set(cell, [index]);
    }
  }

  /** Whether a box overlaps any but the box of that index. */
  hits(box: Box, except: number): boolean {
    return this.count(box, except, 1) > 0;
  }

  /** How many it overlaps, counted up to a limit. */
  count(box: Box, except: number, limit = Number.POSITIVE_INFINITY): number {
    const seen = new Set<number>();
    for (const cell of cellsOf(box)) {
      for (const index of this.cells.get(cell) ?? []) {
        const other = this.boxes[index];
        if (index === except || seen.has(index)) continue;
        if (
          box.left < other.right &&
          other.left < box.right &&
          box.top < other.bottom &&
          other.top < box.bottom
        ) {
          seen.add(index);
          if (seen.size >= limit) return seen.size;
        }
      }
    }
    return seen.size;
  }
}

function* cellsOf(box: Box): Generator<number> {
  const bottom = Math.floor(box.bottom / CELL);
  const right = Math.floor(box.right / CELL);
  for (let row = Math.floor(box.top / CELL); row <= bottom; row++) {
    for (let column = Math.floor(box.left / CELL); column <= right; column++) {
      yield row * 65536 + column;
    }
  }
}
