/** The weight's dial: a stop for "remove", then 0.1 to 100 on a logarithmic scale. */

import type { Method } from "./choices";

const LOWEST = 0.1;
const HIGHEST = 100;
const DECADES = 3;
const STEPS_PER_DECADE = 20;

/** Position 0 removes; from 1 on, 0.1 to 100. */
export const LAST_POSITION = DECADES * STEPS_PER_DECADE + 1;
/** The position of weight 1, which changes nothing. */
export const NEUTRAL_POSITION = STEPS_PER_DECADE + 1;

/** The least weight a method knows. */
export function leastWeight(method: Method): number {
  return method === "contrast" ? 1 : 0;
}

/** Why a method does not take a weight; null if it does. */
export function weightRefusal(weight: number, method: Method): string | null {
  const least = leastWeight(method);
  if (weight === least || (weight >= Math.max(least, LOWEST) && weight <= HIGHEST)) return null;
  return least > 0
    ? `The contrast takes weights from ${least} to ${HIGHEST}.`
    : `A weight is 0, or lies between ${LOWEST} and ${HIGHEST}.`;
}

/** The weight at a position of the slider, rounded to what people would write. */
export function weightAt(position: number): number {
  if (position <= 0) return 0;
  const weight = LOWEST * 10 ** ((Math.min(position, LAST_POSITION) - 1) / STEPS_PER_DECADE);
  return Number(weight.toPrecision(2));
}

/** The slider's position nearest to a weight. */
export function positionOf(weight: number): number {
  if (!(weight > 0)) return 0;
  const position = 1 + Math.log10(weight / LOWEST) * STEPS_PER_DECADE;
  return Math.round(Math.min(Math.max(position, 1), LAST_POSITION));
}

/** A weight as short as possible: 0, 0.25, 3, 12. */
export function formatWeight(weight: number): string {
  return String(Number(weight.toPrecision(3)));
}

/** What a weight does to its patches in a method, in one sentence. */
export function meaningOf(weight: number, method: Method): string {
  const shown = formatWeight(weight);
  if (weight === 1) return "1 changes nothing.";
  if (method === "scale") {
    if (weight === 0)
      return "0 empties the features of these patches. They still take part in the attention: to remove them wholly, use the log-weight.";
    if (weight < 1) return `The features of these patches are multiplied by ${shown}: they fade.`;
    return weight > 10
      ? `The features of these patches are multiplied by ${shown}; so large a weight often breaks the caption.`
      : `The features of these patches are multiplied by ${shown}, as in the paper; 2 to 10 is usual there.`;
  }
  if (method === "logits") {
    if (weight === 0)
      return "0 removes these patches: the captioner writes as if they were not there.";
    if (weight < 1) return `Each of these patches counts as ${shown} of a patch.`;
    return `Each of these patches counts as if it were there ${shown} times.`;
  }
  if (weight < 1) return "The contrast begins at 1; it cannot hide patches.";
  return `Words that become less likely when these patches are hidden are raised, with strength ${formatWeight(weight - 1)}.`;
}
