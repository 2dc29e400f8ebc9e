/** The signed scale: red for, blue against, the same strength on both sides of zero. */

type Rgb = [number, number, number];

const FOR: Rgb = [220, 32, 38];
const AGAINST: Rgb = [28, 92, 216];
const MOST_OPAQUE = 0.85;

/** Red, green, blue (0..255) and opacity (0..1) of a value between -1 and 1. */
export function signedColor(value: number): [number, number, number, number] {
  const strength = Math.min(Math.abs(value), 1);
  return [...(value < 0 ? AGAINST : FOR), MOST_OPAQUE * strength ** 0.8];
}

export function cssColor(value: number, most = 1): string {
  const [red, green, blue, alpha] = signedColor(value);
  return `rgba(${red}, ${green}, ${blue}, ${(alpha * most).toFixed(3)})`;
}

/** Pixels of values in units of a peak, "height width 4", for an ImageData. */
export function signedPixels(values: Float32Array, peak: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length * 4);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, alpha] = signedColor(peak > 0 ? values[i] / peak : 0);
    pixels.set([red, green, blue, Math.round(alpha * 255)], i * 4);
  }
  return pixels;
}

/** From the lowest value to the highest. */
export function signedGradient(): string {
  const stops = Array.from({ length: 13 }, (_, i) => cssColor(i / 6 - 1));
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** A number with its sign, two digits that count at least: +0.0123, −4.1e-7, 0. */
export function signed(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : "–";
  return `${value < 0 ? "−" : "+"}${plain(Math.abs(value))}`;
}

/** A number that is not negative, short: 0.312, 0.0123, 4.1e-7. */
export function plain(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return "–";
  if (value < 5e-5) return value.toExponential(1);
  return value.toFixed(value < 0.1 ? 4 : 3);
}

/** A share as a percentage that is not rounded to nothing: 12 %, 0.4 %, 0.0003 %. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 1e-4) return "less than 0.0001 %";
  return `${value >= 10 ? value.toFixed(0) : Number(value.toPrecision(1)).toString()} %`;
}

/** A duration as people say it. */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
