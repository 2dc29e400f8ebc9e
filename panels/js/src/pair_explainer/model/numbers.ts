/** Numbers as the panel writes them. */

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
