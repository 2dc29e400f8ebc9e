import * as React from "react";
import type { PairPayload, PairsPayload } from "../../payloads/word_graph";
import { sortedPairs, type Column, type Sorting } from "../graph/sorting";

const TABS = ["strongest", "together", "apart"] as const;
type Tab = (typeof TABS)[number];

const TAB_NAMES: Record<Tab, string> = {
  strongest: "Strongest",
  together: "Suspicious",
  apart: "Never together",
};
const TAB_HELP: Record<Tab, string> = {
  strongest: "Pairs in most captions",
  together: "Pairs in more captions than chance explains (false discovery rate 5 %)",
  apart: "Pairs in fewer captions than chance explains (false discovery rate 5 %)",
};
const COLUMNS: readonly [Column, string, string][] = [
  ["pair", "Pair", "The two words"],
  ["count", "Together", "Captions that hold both words"],
  ["expected", "Expected", "Captions expected to hold both if the words were independent"],
  ["lift", "Lift", "Together over expected"],
  ["log_odds", "Log-odds", "Logarithm of the odds ratio; above 0 they attract, below they repel"],
  ["q_value", "q", "Fisher's exact test, corrected for the number of pairs"],
];
const START: Record<Tab, Sorting> = {
  strongest: { column: "count", down: true },
  together: { column: "log_odds", down: true },
  apart: { column: "log_odds", down: false },
};

// Columns whose smallest value is the most interesting one.
const UPWARDS: ReadonlySet<Column> = new Set<Column>(["pair", "q_value"]);
const BY_SIGNIFICANCE: Sorting = { column: "q_value", down: false };

export interface PairsTableProps {
  pairs: PairsPayload;
  /** The word whose pairs these are; null for those of all words. */
  word: string | null;
  focus: readonly string[];
  onPair: (a: string, b: string) => void;
}

/** The strongest and the strangest pairs; a click shows their images. */
export function PairsTable({ pairs, word, focus, onPair }: PairsTableProps) {
  const tabs = word === null ? TABS : TABS.slice(1);
  const [chosen, setTab] = React.useState<Tab>("strongest");
  const tab = tabs.includes(chosen) ? chosen : tabs[0];
  const [sorting, setSorting] = React.useState<Partial<Record<Tab, Sorting>>>({});
  React.useEffect(() => setSorting({}), [word]);
  const order = sorting[tab] ?? (word === null ? START[tab] : BY_SIGNIFICANCE);
  const rows = React.useMemo(() => sortedPairs(pairs[tab], order), [pairs, tab, order]);
  const sort = (column: Column) =>
    setSorting({
      ...sorting,
      [tab]: { column, down: order.column === column ? !order.down : !UPWARDS.has(column) },
    });
  return (
    <div className="capviz-wg-pairs" data-cy="capviz-pairs-table">
      <div className="capviz-wg-tabs" role="tablist" aria-label="Pairs of words">
        {tabs.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            data-cy={`capviz-pairs-${one}`}
            aria-selected={one === tab}
            title={TAB_HELP[one]}
            onClick={() => setTab(one)}
          >
            {word === null
              ? TAB_NAMES[one]
              : one === "together"
                ? `With “${word}”`
                : "Rarely with it"}
          </button>
        ))}
      </div>
      <div className="capviz-wg-scroll">
        <table>
          <thead>
            <tr>
              {COLUMNS.map(([column, name, help]) => (
                <th
                  key={column}
                  scope="col"
                  title={help}
                  aria-sort={
                    order.column !== column ? "none" : order.down ? "descending" : "ascending"
                  }
                >
                  <button type="button" onClick={() => sort(column)}>
                    {name}
                    <i>{order.column === column ? (order.down ? "▾" : "▴") : ""}</i>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((pair) => (
              <Row
                key={`${pair.a}|${pair.b}`}
                pair={pair}
                chosen={focus.length > 1 && focus.includes(pair.a) && focus.includes(pair.b)}
                onPair={onPair}
              />
            ))}
          </tbody>
        </table>
        {!rows.length && (
          <p className="capviz-wg-none">
            {tab === "strongest"
              ? "No two words share a caption."
              : "No pair stands out from chance."}
          </p>
        )}
      </div>
    </div>
  );
}

interface RowProps {
  pair: PairPayload;
  chosen: boolean;
  onPair: (a: string, b: string) => void;
}

function Row({ pair, chosen, onPair }: RowProps) {
  const choose = () => onPair(pair.a, pair.b);
  return (
    <tr
      tabIndex={0}
      data-row={`${pair.a}|${pair.b}`}
      aria-selected={chosen}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        choose();
      }}
    >
      <td>
        {pair.a} <span>·</span> {pair.b}
      </td>
      <td>{pair.count.toLocaleString("en")}</td>
      <td>{pair.expected.toFixed(pair.expected < 10 ? 1 : 0)}</td>
      <td>{pair.lift.toFixed(2)}</td>
      <td>{pair.log_odds.toFixed(2)}</td>
      <td>{pair.q_value < 0.001 ? "< .001" : pair.q_value.toFixed(3)}</td>
    </tr>
  );
}
