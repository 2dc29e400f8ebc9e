/** Maps of words as pictures: bytes to values, values to a smooth picture, colors with signs. */

export { enlarge } from "./enlarge";

/** Half of the range of the bytes that a map is sent as. */
const STEPS = 127;

type Rgb = [number, number, number];
const POSITIVE: Rgb[] = [
  [255, 236, 110],
  [253, 150, 40],
  [222, 20, 32],
];
const NEGATIVE: Rgb[] = [
  [170, 215, 240],
  [70, 140, 220],
  [20, 70, 190],
];
const MOST_OPAQUE = 0.86;

/** The maps of all words, "words p p" one after the other, each in -1..1 of its own peak. */
export function decodeMaps(base64: string): Float32Array {
  const bytes = atob(base64);
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    values[i] = (byte > 127 ? byte - 256 : byte) / STEPS;
  }
  return values;
}

/** One word's map, scaled so that what is shown fills the range: -1..1, or 0..1 unsigned. */
export function wordMap(
  maps: Float32Array,
  word: number,
  grid: number,
  signed: boolean,
): Float32Array {
  const map = maps.slice(word * grid * grid, (word + 1) * grid * grid);
  if (!signed) for (let i = 0; i < map.length; i++) map[i] = Math.max(0, map[i]);
  let peak = 0;
  for (const value of map) peak = Math.max(peak, Math.abs(value));
  if (peak > 0) for (let i = 0; i < map.length; i++) map[i] /= peak;
  return map;
}

/** Whether a map is negative anywhere. */
export function hasNegative(maps: Float32Array): boolean {
  return maps.some((value) => value < 0);
}

/** Red, green, blue (0..255) and opacity (0..1) of a value in -1..1. */
export function heatColor(value: number): [number, number, number, number] {
  const strength = Math.min(Math.abs(value), 1);
  const stops = value < 0 ? NEGATIVE : POSITIVE;
  const place = strength * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const share = place - low;
  const mixed = stops[low].map((one, i) => Math.round(one + (stops[low + 1][i] - one) * share));
  return [mixed[0], mixed[1], mixed[2], MOST_OPAQUE * Math.min(1, strength * 1.6)];
}

/** Pixels of a map, "height width 4", for an ImageData. */
export function heatPixels(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length * 4);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, alpha] = heatColor(values[i]);
    pixels.set([red, green, blue, alpha * 255], i * 4);
  }
  return pixels;
}

/** The color scale as a CSS gradient, from the lowest value to the highest. */
export function heatGradient(signed: boolean): string {
  const from = signed ? -1 : 0;
  const stops = Array.from({ length: 13 }, (_, i) => from + ((1 - from) * i) / 12);
  const colors = stops.map((value) => {
    const [red, green, blue, alpha] = heatColor(value);
    return `rgba(${red}, ${green}, ${blue}, ${alpha.toFixed(3)})`;
  });
  return `linear-gradient(to right, ${colors.join(", ")})`;
}
