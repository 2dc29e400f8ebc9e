import type { PairPayload } from "../../payloads/word_graph";

export type Column = "pair" | "count" | "expected" | "lift" | "log_odds" | "q_value";

export interface Sorting {
  column: Column;
  down: boolean;
}

/** Rows by a column; equal ones stay in their order. */
export function sortedPairs(
  pairs: readonly PairPayload[],
  { column, down }: Sorting,
): PairPayload[] {
  const sign = down ? -1 : 1;
  return [...pairs].sort((one, other) => {
    if (column === "pair") return sign * `${one.a} ${one.b}`.localeCompare(`${other.a} ${other.b}`);
    return sign * (one[column] - other[column]);
  });
}
