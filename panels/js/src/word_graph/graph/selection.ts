import { TAGS, type GraphPayload, type Tag, type WordPayload } from "../../payloads/word_graph";

export const RANKS = ["count", "lift", "log_odds", "p_value"] as const;
export type Rank = (typeof RANKS)[number];

/** What the user wants to see of the graph. */
export interface Filters {
  minCount: number;
  minPairs: number;
  top: number;
  tags: readonly Tag[];
  search: string;
  rank: Rank;
}

export const DEFAULT_FILTERS: Filters = {
  minCount: 1,
  minPairs: 1,
  top: 100,
  tags: TAGS,
  search: "",
  rank: "count",
};
export const MOST_WORDS = 300;
export const MOST_LINKS = 2000;
const NEIGHBORS = 8;

/** A link of the drawing; `value` is the measure that the user ranks by, higher is stronger. */
export interface ShownLink {
  a: string;
  b: string;
  count: number;
  expected: number;
  lift: number;
  logOdds: number;
  value: number;
}

/** What is drawn: both lists strongest first. */
export interface Shown {
  words: WordPayload[];
  links: ShownLink[];
  /** Words that the search box names; null without a search. */
  found: ReadonlySet<string> | null;
}

/** The words and links that pass the filters. */
export function shownGraph(graph: GraphPayload, filters: Filters): Shown {
  const links = rankedLinks(graph, filters.rank);
  const search = filters.search.trim().toLowerCase();
  const found = search
    ? new Set(graph.words.filter((one) => one.word.includes(search)).map((one) => one.word))
    : null;
  const near = found && foundAndNear(found, links);
  const best = filters.rank === "count" ? null : strongestOfEach(links, filters.minPairs);
  const words = graph.words
    .filter((one) => one.count >= filters.minCount && filters.tags.includes(one.tag))
    .filter((one) => !near || near.has(one.word));
  if (best) {
    const rank = (one: WordPayload) => best.get(one.word) ?? Number.NEGATIVE_INFINITY;
    words.sort((one, other) => compareDown(rank(one), rank(other)) || other.count - one.count);
  }
  const kept = topWords(words, filters.top, found);
  const names = new Set(kept.map((one) => one.word));
  return {
    words: kept,
    links: links
      .filter((one) => one.count >= filters.minPairs && names.has(one.a) && names.has(one.b))
      .slice(0, MOST_LINKS),
    found,
  };
}

/** Words joined to any of these by a drawn link, and these. */
export function withNeighbors(
  words: ReadonlySet<string>,
  links: readonly { a: string; b: string }[],
): Set<string> {
  const near = new Set(words);
  for (const { a, b } of links) {
    if (words.has(a)) near.add(b);
    if (words.has(b)) near.add(a);
  }
  return near;
}

/** The words found, each with its few strongest neighbors: all would be most of the graph. */
function foundAndNear(found: ReadonlySet<string>, links: readonly ShownLink[]): Set<string> {
  const near = new Set(found);
  const room = new Map([...found].map((word) => [word, NEIGHBORS]));
  for (const { a, b } of links) {
    for (const [word, other] of [
      [a, b],
      [b, a],
    ]) {
      const left = room.get(word) ?? 0;
      if (left < 1) continue;
      room.set(word, left - 1);
      near.add(other);
    }
  }
  return near;
}

/** The name of a pair: its words sorted. */
export function pairName(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

/** The words that are found come first: a search must not lose them to the limit. */
function topWords(
  words: WordPayload[],
  top: number,
  found: ReadonlySet<string> | null,
): WordPayload[] {
  if (!found) return words.slice(0, top);
  const first = words.filter((one) => found.has(one.word));
  const rest = words.filter((one) => !found.has(one.word));
  return [...first, ...rest].slice(0, Math.max(top, 1));
}

function rankedLinks(graph: GraphPayload, rank: Rank): ShownLink[] {
  const { a, b, count, expected, lift, log_odds, p_value } = graph.links;
  const columns = { count, lift, log_odds, p_value };
  const sign = rank === "p_value" ? -1 : 1;
  const links = a.map((first, i) => ({
    a: graph.words[first].word,
    b: graph.words[b[i]].word,
    count: count[i],
    expected: expected[i],
    lift: lift[i],
    logOdds: log_odds[i],
    value: sign * columns[rank][i],
  }));
  // Pairs that are rarer together than chance have small p-values too; they come last.
  const above = (one: ShownLink) => (rank === "p_value" && one.count < one.expected ? 0 : 1);
  return links.sort(
    (one, other) => above(other) - above(one) || other.value - one.value || other.count - one.count,
  );
}

function strongestOfEach(links: ShownLink[], minPairs: number): Map<string, number> {
  const best = new Map<string, number>();
  for (const link of links) {
    if (link.count < minPairs) continue;
    for (const word of [link.a, link.b]) {
      const before = best.get(word);
      if (before === undefined || link.value > before) best.set(word, link.value);
    }
  }
  return best;
}

function compareDown(one: number, other: number): number {
  return one === other ? 0 : other - one;
}
