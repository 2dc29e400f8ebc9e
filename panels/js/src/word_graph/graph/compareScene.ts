import type { ComparePayload, DifferencePayload, LinksPayload } from "../../payloads/word_graph";
import type { Palette } from "../../ui/palette";
import { oddsColor, textOn } from "./colors";
import { Layout, type Spring } from "./layout";
import { loadMemory, saveMemory, type Memory } from "./memory";
import { linkWidth, radius } from "./scales";
import type { Scene } from "./scene";
import { withNeighbors } from "./selection";

export type SideName = "a" | "b";

/** Log-odds that have the full color: the largest, but for the odd one out. */
export function fullOdds(words: readonly DifferencePayload[]): number {
  const sizes = words.map((one) => Math.abs(one.log_odds)).sort((one, other) => one - other);
  return sizes[Math.floor(0.95 * (sizes.length - 1))] ?? 1;
}

/** One side: its words as large as their share of its captions, colored by log-odds. */
export function sideScene(
  comparison: ComparePayload,
  side: SideName,
  looked: ReadonlySet<string>,
  palette: Palette,
): Scene {
  const share = (one: DifferencePayload) => (side === "a" ? one.share_a : one.share_b);
  const most = Math.max(...comparison.words.flatMap((one) => [one.share_a, one.share_b]));
  const links = named(comparison, comparison[side].links);
  const near = looked.size ? withNeighbors(looked, links) : null;
  const widest = Math.max(1, ...links.map((one) => one.count));
  const full = fullOdds(comparison.words);
  return {
    focused: false,
    words: comparison.words
      .filter((one) => share(one) > 0)
      .map((one) => {
        const fill = oddsColor(one.log_odds, full, palette);
        return {
          word: one.word,
          // Shares, not counts: the sides may be of different sizes.
          r: radius(share(one) * 1000, most * 1000),
          fill,
          ink: textOn(fill),
          ring: null,
          faint: near ? !near.has(one.word) : false,
          focused: looked.has(one.word),
          near: near !== null && near.has(one.word),
          found: false,
          label: one.word,
        };
      }),
    links: links.map((one) => {
      const touched = looked.has(one.a) || looked.has(one.b);
      return {
        a: one.a,
        b: one.b,
        width: linkWidth(one.count, widest),
        level: !looked.size ? "plain" : touched ? "strong" : "faint",
      };
    }),
  };
}

/** What draws words together: the links of both sides. */
export function comparedSprings(comparison: ComparePayload): Spring[] {
  const springs = new Map<string, Spring>();
  const counts = new Map(comparison.words.map((one) => [one.word, one.count_a + one.count_b]));
  for (const side of ["a", "b"] as const) {
    for (const { a, b, count } of named(comparison, comparison[side].links)) {
      const before = springs.get(`${a}|${b}`)?.strength ?? 0;
      const size = Math.sqrt((counts.get(a) ?? 1) * (counts.get(b) ?? 1));
      springs.set(`${a}|${b}`, { a, b, strength: before + count / size });
    }
  }
  return [...springs.values()]
    .sort((one, other) => other.strength - one.strength)
    .slice(0, 3 * comparison.words.length);
}

/**
 * Gives every word a place that both sides share: the one it has in the graph, if it has one.
 *
 * Returns the memory for both of them.
 */
export function placeWords(
  store: Storage | undefined,
  key: string,
  comparison: ComparePayload,
  aspect: number,
): Memory {
  const memory = loadMemory(store, key);
  const layout = new Layout(memory);
  const most = Math.max(...comparison.words.flatMap((one) => [one.share_a, one.share_b]));
  const words = comparison.words.map((one) => ({
    word: one.word,
    r: radius(Math.max(one.share_a, one.share_b) * 1000, most * 1000),
  }));
  layout.update(words, comparedSprings(comparison), aspect);
  while (layout.tick());
  layout.remember();
  saveMemory(store, key, memory);
  return memory;
}

/** The words that tell a side from the other, most typical first. */
export function typicalWords(
  comparison: ComparePayload,
  side: SideName,
  count = 8,
): DifferencePayload[] {
  const sign = side === "a" ? 1 : -1;
  return comparison.words
    .filter((one) => sign * one.z > 0)
    .sort((one, other) => sign * (other.z - one.z))
    .slice(0, count);
}

function named(comparison: ComparePayload, links: LinksPayload) {
  return links.a.map((first, i) => ({
    a: comparison.words[first].word,
    b: comparison.words[links.b[i]].word,
    count: links.count[i],
  }));
}
