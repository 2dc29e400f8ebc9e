/** Sizes and shares of the drawing. */

export const RADIUS: readonly [number, number] = [4.5, 30];
export const WIDTH: readonly [number, number] = [0.7, 9];
export const BINS = 20;

/** Radius in pixels, proportional to the square root of a count, clipped. */
export function radius(count: number, most: number): number {
  return rooted(count, most, RADIUS);
}

/** Link width in pixels, proportional to the square root of the co-occurrence, clipped. */
export function linkWidth(count: number, most: number): number {
  return rooted(count, most, WIDTH);
}

function rooted(count: number, most: number, [least, largest]: readonly [number, number]): number {
  const size = largest * Math.sqrt(Math.max(count, 0) / Math.max(most, 1));
  return Math.min(Math.max(size, least), largest);
}

/** A range of match scores, whole bins: from the first bin up to but without the last. */
export interface Brush {
  from: number;
  to: number;
}

/** Share of a word's scored captions whose score is inside the brush; null without scores. */
export function brushedShare(scores: readonly number[], brush: Brush): number | null {
  let all = 0;
  let inside = 0;
  scores.forEach((count, bin) => {
    all += count;
    if (bin >= brush.from && bin < brush.to) inside += count;
  });
  return all > 0 ? inside / all : null;
}

/** How many captions are inside the brush. */
export function brushedCount(scores: readonly number[], brush: Brush): number {
  return scores.slice(brush.from, brush.to).reduce((sum, count) => sum + count, 0);
}

/** The brush between two places (0..1), in either order, at least one bin wide. */
export function brushBetween(one: number, other: number): Brush {
  const low = Math.min(one, other);
  const high = Math.max(one, other);
  const from = clamp(Math.floor(low * BINS), 0, BINS - 1);
  return { from, to: clamp(Math.ceil(high * BINS), from + 1, BINS) };
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
