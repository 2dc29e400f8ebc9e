import * as React from "react";
import { Choice } from "./Controls";
import type { ComparisonModel } from "./useComparison";

const SAVED_VIEWS = "";

/** What to compare: saved views, or two values of a field. */
export function CompareBar({ comparison }: { comparison: ComparisonModel }) {
  const { fields, path, values, a, b } = comparison;
  const named = (one: string, index: number) =>
    [one, `${one} (${(comparison.counts[index] ?? 0).toLocaleString("en")})`] as const;
  return (
    <div className="capviz-wg-controls" data-cy="capviz-compare-bar">
      <div className="capviz-wg-row">
        <Choice
          label="Compare by"
          cy="capviz-compare-by"
          value={path ?? ""}
          choices={fields.map((one) => [one, one === SAVED_VIEWS ? "saved views" : one])}
          choose={comparison.choosePath}
        />
        <Choice
          label="first"
          cy="capviz-compare-first"
          value={a ?? ""}
          choices={values.map(named)}
          choose={(value) => comparison.chooseSides(value, b)}
        />
        <Choice
          label="second"
          cy="capviz-compare-second"
          value={b ?? ""}
          choices={values.map(named)}
          choose={(value) => comparison.chooseSides(a, value)}
        />
        {comparison.loading && <span>Counting…</span>}
        {!comparison.loading && comparison.note !== null && <span>{comparison.note}</span>}
      </div>
    </div>
  );
}
