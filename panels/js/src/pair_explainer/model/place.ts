/** From pixels of the image to the patch grid, as geometry.py and segments.py do it. */
import type { Box } from "../../payloads/pair_explainer";

/** Where the grid lies on the image. */
export interface Place {
  grid: number;
  /** Of the image, in pixels. */
  width: number;
  height: number;
  /** Left, top, right, bottom of what the model sees, in pixels. */
  seen: [number, number, number, number];
}

/** What the grid shows, as shares of the image. */
export function cropOf({ width, height, seen: [left, top, right, bottom] }: Place): Box {
  return [left / width, top / height, (right - left) / width, (bottom - top) / height];
}

export interface PlacedRegion {
  /** How much of each patch is the region's, "p p"; those of regions that tile the image sum to 1. */
  shares: Float32Array;
  /** Its size, and how much of that the model sees. */
  pixels: number;
  seen: number;
}

/** The patches of a box, through the resize from the grid to the pixels. */
export function placeBox(box: Box, place: Place): PlacedRegion {
  const { grid, width, height } = place;
  const [left, top, right, bottom] = place.seen;
  const columns = pixelSpan(box[0], box[2], width);
  const rows = pixelSpan(box[1], box[3], height);
  const across = axisWeights(columns, width, left, right, grid);
  const down = axisWeights(rows, height, top, bottom, grid);
  const shares = new Float32Array(grid * grid);
  let seen = 0;
  down.own.forEach((tall, row) =>
    across.own.forEach((wide, column) => {
      const whole = down.whole[row] * across.whole[column];
      shares[row * grid + column] = whole > 0 ? (tall * wide) / whole : 0;
      seen += tall * wide;
    }),
  );
  return { shares, pixels: (columns[1] - columns[0]) * (rows[1] - rows[0]), seen };
}

/** Per patch of one axis: the weight of the pixels in a span, and of all pixels. */
function axisWeights(
  [first, last]: [number, number],
  length: number,
  start: number,
  stop: number,
  grid: number,
): { own: Float64Array; whole: Float64Array } {
  const own = new Float64Array(grid);
  const whole = new Float64Array(grid);
  for (let pixel = 0; pixel < length; pixel++) {
    const center = pixel + 0.5;
    if (center < start || center >= stop) continue;
    const source = Math.max(0, ((center - start) * grid) / (stop - start) - 0.5);
    const low = Math.floor(source);
    for (const [patch, weight] of [
      [low, 1 - (source - low)],
      [low + 1, source - low],
    ]) {
      const at = Math.min(patch, grid - 1); // beyond the border is the border itself
      whole[at] += weight;
      if (pixel >= first && pixel < last) own[at] += weight;
    }
  }
  return { own, whole };
}

function pixelSpan(start: number, share: number, length: number): [number, number] {
  if (share <= 0) return [0, 0];
  let [first, last] = [roundEven(start * length), roundEven((start + share) * length)];
  if (last <= first) {
    first = Math.floor((start + share / 2) * length); // thinner than a pixel
    last = first + 1;
  }
  const clip = (at: number) => Math.min(Math.max(at, 0), length);
  return [clip(first), clip(last)];
}

/** To the nearest whole number, halves to the even one, as Python rounds. */
export function roundEven(value: number): number {
  const low = Math.floor(value);
  const over = value - low;
  return over === 0.5 ? low + (Math.abs(low) % 2) : Math.round(value);
}
