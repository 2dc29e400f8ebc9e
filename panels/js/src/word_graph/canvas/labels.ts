import { BoxGrid, type Box } from "./boxes";

/** Places labels so that none covers another one, the important ones first. */

export interface LabelRequest {
  x: number;
  y: number;
  /** Radius of the node with its ring, and of the disc that a label can stand on. */
  r: number;
  room: number;
  width: number;
  height: number;
  /** Placed even where it covers something: the word that the user looks at. */
  must: boolean;
}

export interface LabelPlace {
  /** Center of the text. */
  x: number;
  y: number;
  /** Whether it stands on its node. */
  inside: boolean;
}

const GAP = 3;
// So many labels may cover other nodes: without them a crowd of nodes would be nameless.
const LEADERS = 24;

/**
 * A place for each label, or null where there is room for none.
 *
 * A label stands on its node if it fits, else right of it, left, below or above. It covers no
 * other label, leaves the panel only if it `must` be there, and covers another node only if no
 * place is free of nodes.
 *
 * @param width size of the panel
 */
export function placeLabels(
  requests: readonly LabelRequest[],
  width = Number.POSITIVE_INFINITY,
): (LabelPlace | null)[] {
  const nodes = new BoxGrid();
  for (const one of requests) {
    const side = one.r * 0.75; // the square that a disc looks as large as
    nodes.add({
      left: one.x - side,
      top: one.y - side,
      right: one.x + side,
      bottom: one.y + side,
    });
  }
  const labels = new BoxGrid();
  return requests.map((one, index) => {
    const places = candidates(one).sort((a, b) => cut(one, a, width) - cut(one, b, width));
    const whole = places.filter((place) => one.must || cut(one, place, width) === 0);
    const free = whole.filter((place) => !labels.hits(boxOf(one, place), -1));
    const best =
      free.find((place) => place.inside || !nodes.hits(boxOf(one, place), index)) ??
      (one.must || index < LEADERS
        ? (free[0] ?? (one.must ? places[0] : undefined))
        : free.find((place) => nodes.count(boxOf(one, place), index) < 2));
    if (best) labels.add(boxOf(one, best));
    return best ?? null;
  });
}

/** How much of a label the panel's sides would cut off. */
function cut(request: LabelRequest, place: LabelPlace, width: number): number {
  const { left, right } = boxOf(request, place);
  return Math.max(-left, 0) + Math.max(right - width, 0);
}

function candidates({ x, y, r, room, width, height }: LabelRequest): LabelPlace[] {
  const places: LabelPlace[] = [];
  if (width <= 2 * room - 4) places.push({ x, y, inside: true });
  const aside = r + GAP + width / 2;
  const away = r + GAP + height / 2;
  return [
    ...places,
    { x: x + aside, y, inside: false },
    { x: x - aside, y, inside: false },
    { x, y: y + away, inside: false },
    { x, y: y - away, inside: false },
  ];
}

function boxOf({ width, height }: LabelRequest, { x, y }: LabelPlace): Box {
  return {
    left: x - width / 2 - 1,
    top: y - height / 2,
    right: x + width / 2 + 1,
    bottom: y + height / 2,
  };
}
