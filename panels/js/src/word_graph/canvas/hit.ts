import type { DrawnLink } from "../graph/scene";

interface Place {
  x: number;
  y: number;
}

const REACH = 5;

/** The link that a click on the background means: the nearest one within a few pixels. */
export function nearestLink(
  { x, y }: Place,
  links: readonly DrawnLink[],
  placeOf: (word: string) => Place | null,
): [string, string] | null {
  let best: [string, string] | null = null;
  let least = REACH;
  for (const { a, b, width } of links) {
    const from = placeOf(a);
    const to = placeOf(b);
    if (!from || !to) continue;
    const distance = distanceTo(x, y, from, to) - width / 2;
    if (distance < least) {
      least = distance;
      best = [a, b];
    }
  }
  return best;
}

/** Distance of a point from a line between two places. */
export function distanceTo(x: number, y: number, from: Place, to: Place): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  const along = length ? ((x - from.x) * dx + (y - from.y) * dy) / length : 0;
  const at = Math.min(Math.max(along, 0), 1);
  return Math.hypot(x - from.x - at * dx, y - from.y - at * dy);
}
