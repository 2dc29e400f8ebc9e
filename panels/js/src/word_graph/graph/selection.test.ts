import { expect, test } from "vitest";
import { graphOf } from "./fixture";
import { DEFAULT_FILTERS, MOST_LINKS, pairName, shownGraph, type Filters } from "./selection";

const GRAPH = graphOf(
  { dog: 30, grass: 25, red: 12, hat: 6, running: 3, fish: 2 },
  [
    ["dog", "grass", 20, { lift: 2, log_odds: 3, p_value: 1e-6 }],
    ["dog", "red", 5, { lift: 1.2, log_odds: 0.4, p_value: 0.4 }],
    ["red", "hat", 5, { lift: 8, log_odds: 2, p_value: 1e-4 }],
    ["hat", "fish", 1, { lift: 9, log_odds: 2.5, p_value: 0.05 }],
    ["grass", "hat", 1, { lift: 0.2, log_odds: -2, p_value: 1e-9, expected: 5 }],
  ],
  { red: "adjective", running: "verb" },
);
const words = (part: Partial<Filters>) =>
  shownGraph(GRAPH, { ...DEFAULT_FILTERS, ...part }).words.map((one) => one.word);
const links = (part: Partial<Filters>) =>
  shownGraph(GRAPH, { ...DEFAULT_FILTERS, ...part }).links.map((one) => pairName(one.a, one.b));

test("without a filter everything is shown, most frequent first", () => {
  expect(words({})).toEqual(["dog", "grass", "red", "hat", "running", "fish"]);
  expect(links({})[0]).toBe("dog|grass");
});

test("words and links below the least counts are left out", () => {
  expect(words({ minCount: 6 })).toEqual(["dog", "grass", "red", "hat"]);
  expect(links({ minPairs: 5 })).toEqual(["dog|grass", "dog|red", "hat|red"]);
  expect(links({ minCount: 7 })).toEqual(["dog|grass", "dog|red"]);
});

test("the most frequent words of the chosen parts of speech", () => {
  expect(words({ top: 2 })).toEqual(["dog", "grass"]);
  expect(words({ tags: ["adjective", "verb"] })).toEqual(["red", "running"]);
  expect(words({ tags: ["noun"], top: 1 })).toEqual(["dog"]);
});

test("a search shows the words found and their neighbors, also beyond the limit", () => {
  expect(words({ search: " FIS " })).toEqual(["fish", "hat"]);
  expect(words({ search: "fish", top: 1 })).toEqual(["fish"]);
  expect(words({ search: "unicorn" })).toEqual([]);
  expect(shownGraph(GRAPH, { ...DEFAULT_FILTERS, search: "fish" }).found).toEqual(
    new Set(["fish"]),
  );
});

test("ranked by an association, words stand by their best link", () => {
  expect(words({ rank: "lift", top: 3 })).toEqual(["hat", "fish", "red"]);
  expect(links({ rank: "lift" })[0]).toBe("fish|hat");
  expect(words({ rank: "log_odds", top: 2 })).toEqual(["dog", "grass"]);
  expect(words({ rank: "lift", minPairs: 2, top: 2 })).toEqual(["red", "hat"]);
});

test("by significance, pairs that avoid each other come last", () => {
  expect(links({ rank: "p_value" })).toEqual([
    "dog|grass",
    "hat|red",
    "fish|hat",
    "dog|red",
    "grass|hat",
  ]);
});

test("no more links than can be drawn smoothly", () => {
  const counts = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`w${i}`, 5]));
  const names = Object.keys(counts);
  const all = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b, 2] as const));
  expect(shownGraph(graphOf(counts, all), DEFAULT_FILTERS).links).toHaveLength(MOST_LINKS);
});

test("a pair has one name", () => {
  expect(pairName("man", "fish")).toBe("fish|man");
  expect(pairName("fish", "man")).toBe("fish|man");
});
