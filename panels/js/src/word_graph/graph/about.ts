import type { Tag } from "../../payloads/word_graph";

export interface WordFacts {
  word: string;
  tag: Tag;
  count: number;
  share: number;
}

/** A word in one sentence, for tooltips and screen readers. */
export function aboutWord(facts: WordFacts, ring: number | null): string {
  const captions = facts.count === 1 ? "caption" : "captions";
  const parts = [
    `${facts.word}: ${facts.tag}, in ${facts.count.toLocaleString("en")} ${captions}`,
    `${percent(facts.share)} of all`,
  ];
  if (ring !== null) parts.push(`${percent(ring)} of them in the range of match scores`);
  return parts.join(", ");
}

export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
}
