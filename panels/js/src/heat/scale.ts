/** Colors of values in -1..1: two scales, which look different, and what is made of either. */

type Rgb = [number, number, number];

/** Red, green, blue (0..255) and opacity (0..1). */
export type Rgba = [number, number, number, number];

export type Scale = (value: number) => Rgba;

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
const MOST_OPAQUE_RAMP = 0.86;

/** Hue and opacity follow the strength: yellow to red for a word, light to dark blue against it. */
export const rampColor: Scale = (value) => {
  const strength = Math.min(Math.abs(value), 1);
  const stops = value < 0 ? NEGATIVE : POSITIVE;
  const place = strength * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const share = place - low;
  const mixed = stops[low].map((one, i) => Math.round(one + (stops[low + 1][i] - one) * share));
  return [mixed[0], mixed[1], mixed[2], MOST_OPAQUE_RAMP * Math.min(1, strength * 1.6)];
};

const FOR: Rgb = [220, 32, 38];
const AGAINST: Rgb = [28, 92, 216];
const MOST_OPAQUE = 0.85;

/** Opacity alone follows the strength, alike on both sides of zero: red for, blue against. */
export const signedColor: Scale = (value) => {
  const strength = Math.min(Math.abs(value), 1);
  return [...(value < 0 ? AGAINST : FOR), MOST_OPAQUE * strength ** 0.8];
};

/** @param most opacity of what is fully opaque on the scale */
export function cssColor(scale: Scale, value: number, most = 1): string {
  const [red, green, blue, alpha] = scale(value);
  return `rgba(${red}, ${green}, ${blue}, ${(alpha * most).toFixed(3)})`;
}

/** Pixels of values in units of a peak, "height width 4", for an ImageData. */
export function pixelsOf(
  scale: Scale,
  values: Float32Array,
  peak = 1,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length * 4);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, alpha] = scale(peak > 0 ? values[i] / peak : 0);
    pixels.set([red, green, blue, alpha * 255], i * 4);
  }
  return pixels;
}

/** The scale as a CSS gradient, from a value to the highest one. */
export function gradientOf(scale: Scale, from: -1 | 0): string {
  const stops = Array.from({ length: 13 }, (_, i) => from + ((1 - from) * i) / 12);
  return `linear-gradient(to right, ${stops.map((value) => cssColor(scale, value)).join(", ")})`;
}
