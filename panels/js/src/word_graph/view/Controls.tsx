import * as React from "react";
import { TAGS, type Tag } from "../../payloads/word_graph";
import type { Palette } from "../../ui/palette";
import { tagColor } from "../graph/colors";
import { MOST_WORDS, RANKS, type Filters, type Rank } from "../graph/selection";

const RANK_NAMES: Record<Rank, string> = {
  count: "frequency",
  lift: "lift",
  log_odds: "log-odds",
  p_value: "significance",
};
const TAG_NAMES: Record<Tag, string> = {
  noun: "nouns",
  verb: "verbs",
  adjective: "adjectives",
  other: "other",
};

export type Arrangement = "together" | "similar";

export interface ControlsProps {
  filters: Filters;
  change: (part: Partial<Filters>) => void;
  arrangement: Arrangement;
  arrange: (arrangement: Arrangement) => void;
  captionField: string;
  captionFields: readonly string[];
  choose: (captionField: string) => void;
  /** Whether the filters are of use: a comparison has its own words. */
  filtering: boolean;
  children?: React.ReactNode;
}

/** Search, choices and filters above the graph. */
export function Controls(props: ControlsProps) {
  const { filters, change } = props;
  return (
    <div className="capviz-wg-controls">
      <div className="capviz-wg-row">
        <input
          className="capviz-wg-search"
          data-cy="capviz-search"
          type="search"
          placeholder="Find a word"
          aria-label="Find a word"
          value={filters.search}
          onChange={(event) => change({ search: event.target.value })}
        />
        {props.captionFields.length > 1 && (
          <Choice
            label=""
            cy="capviz-caption-field"
            value={props.captionField}
            choices={props.captionFields.map((one) => [one, one])}
            choose={props.choose}
          />
        )}
        {props.filtering && (
          <Choice
            label=""
            cy="capviz-layout"
            value={props.arrangement}
            choices={[
              ["together", "layout: links"],
              ["similar", "layout: similarity"],
            ]}
            choose={(one) => props.arrange(one as Arrangement)}
          />
        )}
        <span className="capviz-wg-gap" />
        {props.children}
      </div>
      {props.filtering && (
        <div className="capviz-wg-row">
          <Amount
            label="captions ≥"
            help="Words that are in at least so many captions"
            cy="capviz-min-count"
            value={filters.minCount}
            set={(minCount) => change({ minCount })}
          />
          <Amount
            label="together ≥"
            help="Links of words that share at least so many captions"
            cy="capviz-min-pairs"
            value={filters.minPairs}
            set={(minPairs) => change({ minPairs })}
          />
          <Amount
            label="words ≤"
            help="At most so many words, the highest in rank"
            cy="capviz-top"
            value={filters.top}
            most={MOST_WORDS}
            set={(top) => change({ top })}
          />
          <Choice
            label="rank by"
            cy="capviz-rank"
            value={filters.rank}
            choices={RANKS.map((one) => [one, RANK_NAMES[one]])}
            choose={(rank) => change({ rank: rank as Rank })}
          />
        </div>
      )}
    </div>
  );
}

interface TagsProps {
  filters: Filters;
  change: (part: Partial<Filters>) => void;
  palette: Palette;
}

/** The colors of the parts of speech; each can be left out. */
export function Tags({ filters, change, palette }: TagsProps) {
  return (
    <span className="capviz-wg-tags" role="group" aria-label="Parts of speech">
      {TAGS.map((tag) => (
        <button
          key={tag}
          type="button"
          className="capviz-wg-tag"
          data-cy={`capviz-tag-${tag}`}
          aria-pressed={filters.tags.includes(tag)}
          onClick={() => change({ tags: toggled(filters.tags, tag) })}
        >
          <i style={{ background: tagColor(tag, palette) }} />
          {TAG_NAMES[tag]}
        </button>
      ))}
    </span>
  );
}

/** The other choice; choosing none would leave an empty graph, so it means all. */
function toggled(tags: readonly Tag[], tag: Tag): readonly Tag[] {
  const kept = tags.includes(tag) ? tags.filter((one) => one !== tag) : [...tags, tag];
  return kept.length ? kept : TAGS;
}

interface ChoiceProps {
  label: string;
  cy: string;
  value: string;
  choices: readonly (readonly [string, string])[];
  choose: (value: string) => void;
}

/** A drop-down with its label; without one where the choices speak for themselves. */
export function Choice({ label, cy, value, choices, choose }: ChoiceProps) {
  return (
    <label className="capviz-wg-field">
      {label && <span className="capviz-wg-quiet">{label}</span>}
      <select
        data-cy={cy}
        aria-label={label || cy.replace("capviz-", "")}
        value={value}
        onChange={(event) => choose(event.target.value)}
      >
        {choices.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface AmountProps {
  label: string;
  help: string;
  cy: string;
  value: number;
  most?: number;
  set: (value: number) => void;
}

/** A whole number from 1; while it is empty or wrong the last good one holds. */
function Amount({ label, help, cy, value, most = 100_000, set }: AmountProps) {
  const [typed, setTyped] = React.useState<string | null>(null);
  return (
    <label className="capviz-wg-field" title={help}>
      <span>{label}</span>
      <input
        data-cy={cy}
        type="number"
        min={1}
        max={most}
        value={typed ?? value}
        onChange={(event) => {
          setTyped(event.target.value);
          const number = Number.parseInt(event.target.value, 10);
          if (number >= 1) set(Math.min(number, most));
        }}
        onBlur={() => setTyped(null)}
      />
    </label>
  );
}
