/** What the completeness error means, in a sentence. */
import { percent } from "./numbers";

export type Trust = "exact" | "rough" | "broken" | "none";

/** A pair, or a relation of two images or two captions. */
export interface Sums {
  method: string;
  score: number;
  exact: number | null;
  completeness_error: number | null;
  relative_error: number | null;
  notes: string[];
}

const EXACT = 1e-3;
const ROUGH = 2e-2;
const SUMS_UP = "second_order";

/** How far the parts can be read as parts of the whole. */
export function trustOf({ method, relative_error }: Sums): Trust {
  if (method !== SUMS_UP || relative_error === null) return "none";
  if (relative_error <= EXACT) return "exact";
  return relative_error <= ROUGH ? "rough" : "broken";
}

export function meaningOf(pair: Sums): string {
  const off = percent(pair.relative_error ?? 0);
  switch (trustOf(pair)) {
    case "exact":
      return `All parts together, shown or not, sum to what is to explain, up to ${off} of their magnitude: each number is its part of the score.`;
    case "rough":
      return `The parts miss the whole by ${off} of their magnitude: differences below that mean nothing.`;
    case "broken":
      return `The parts miss the whole by ${off} of their magnitude: use them to rank, not to add up. Another layer may do better.`;
    default:
      return "This method does not promise that its parts sum to the score: use them to rank, not to add up.";
  }
}
