/** A node on the panel: where it stands and how large it is drawn. */
export interface Spot {
  x: number;
  y: number;
  r: number;
}

const LEAST = 9;
const SMALLEST = 2;

/**
 * Radius of what the mouse meets of each node.
 *
 * Small nodes get a target larger than themselves, but two targets never overlap: each node's
 * center belongs to it, however far the user zooms out.
 */
export function targetRadii(spots: readonly Spot[]): number[] {
  const wanted = spots.map(({ r }) => Math.max(r, LEAST));
  const radii = [...wanted];
  const reach = 2 * Math.max(LEAST, ...wanted);
  // From left to right, so that only neighbors are compared.
  const order = spots.map((_, i) => i).sort((one, other) => spots[one].x - spots[other].x);
  order.forEach((i, at) => {
    for (let next = at + 1; next < order.length; next++) {
      const j = order[next];
      if (spots[j].x - spots[i].x >= reach) break;
      const distance = Math.hypot(spots[j].x - spots[i].x, spots[j].y - spots[i].y);
      if (distance >= wanted[i] + wanted[j]) continue;
      radii[i] = Math.min(radii[i], share(distance, spots[i].r, spots[j].r, wanted[i], wanted[j]));
      radii[j] = Math.min(radii[j], share(distance, spots[j].r, spots[i].r, wanted[j], wanted[i]));
    }
  });
  return radii.map((one) => Math.max(one, SMALLEST));
}

/** A node's part of a distance: as it is drawn if there is room, and of the gap what it wants. */
function share(
  distance: number,
  mine: number,
  other: number,
  wanted: number,
  otherWanted: number,
): number {
  const gap = distance - mine - other;
  if (gap < 0) return (distance * mine) / (mine + other);
  return mine + (gap * (wanted - mine)) / (wanted - mine + otherWanted - other);
}
