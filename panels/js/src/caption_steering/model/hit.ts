/** Which segment lies under a point of the image, by the outlines that Python sends. */

import type { Segment } from "../../payloads/caption_steering";

type Point = [number, number];

/** Side of the square in which outlines are drawn; see ImageStage. */
export const OUTLINE_SIDE = 1000;

/** The smallest segment whose outline holds the point; x and y are shares of the image. */
export function segmentAt(segments: Segment[], x: number, y: number): Segment | null {
  const point: Point = [x * OUTLINE_SIDE, y * OUTLINE_SIDE];
  return segments
    .filter(({ outline }) => holds(outline, point))
    .reduce<Segment | null>(
      (best, one) => (best === null || (one.area ?? 0) <= (best.area ?? 0) ? one : best),
      null,
    );
}

/** By the even-odd rule, as the outlines are drawn: a line inside another one is a hole. */
function holds(outline: string, [x, y]: Point): boolean {
  let inside = false;
  for (const ring of ringsOf(outline)) {
    ring.forEach(([x1, y1], index) => {
      const [x0, y0] = ring.at(index - 1) as Point;
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) inside = !inside;
    });
  }
  return inside;
}

/** "M250 500L750 500L750 750ZM…": one ring per M. */
function ringsOf(outline: string): Point[][] {
  return outline
    .split("M")
    .filter(Boolean)
    .map((ring) =>
      ring
        .replace("Z", "")
        .split("L")
        .map((pair) => pair.trim().split(" ").map(Number) as Point),
    );
}
