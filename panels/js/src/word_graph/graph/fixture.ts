import type { GraphPayload, LinksPayload, Tag, WordPayload } from "../../payloads/word_graph";

/** A graph for tests: words with counts, links with counts. */
export function graphOf(
  counts: Record<string, number>,
  links: readonly (readonly [string, string, number, Partial<Record<string, number>>?])[] = [],
  tags: Partial<Record<string, Tag>> = {},
): GraphPayload {
  const names = Object.keys(counts);
  const words: WordPayload[] = names.map((word) => ({
    word,
    tag: tags[word] ?? "noun",
    count: counts[word],
    share: counts[word] / 100,
    scores: Array.from({ length: 20 }, (_, bin) => (bin === 19 ? counts[word] : 0)),
  }));
  const column = (name: string, fallback: (i: number) => number) =>
    links.map((link, i) => link[3]?.[name] ?? fallback(i));
  const columns: LinksPayload = {
    a: links.map(([a]) => names.indexOf(a)),
    b: links.map(([, b]) => names.indexOf(b)),
    count: links.map(([, , count]) => count),
    expected: column("expected", () => 1),
    lift: column("lift", (i) => links[i][2]),
    log_odds: column("log_odds", (i) => links[i][2]),
    p_value: column("p_value", (i) => 1 / (1 + links[i][2])),
  };
  return {
    key: "k",
    dataset: "d",
    caption_field: "caption",
    caption_fields: ["caption"],
    samples: 100,
    documents: 100,
    total_words: names.length,
    lasso: null,
    focus: [],
    stop_words: [],
    scores: [],
    words,
    links: columns,
    pairs: { strongest: [], together: [], apart: [] },
  };
}
