import { expect, test } from "vitest";
import { DARK } from "../../ui/palette";
import { graphOf } from "./fixture";
import { sceneOf, springsOf, type Emphasis } from "./scene";
import { DEFAULT_FILTERS, shownGraph } from "./selection";

const GRAPH = graphOf({ wolf: 20, snow: 16, dog: 9, grass: 4 }, [
  ["wolf", "snow", 15],
  ["dog", "grass", 4],
  ["snow", "dog", 1],
]);
const SHOWN = shownGraph(GRAPH, DEFAULT_FILTERS);
const scene = (part: Partial<Emphasis> = {}) =>
  sceneOf(SHOWN, { focus: [], hover: null, brush: null, ...part }, DARK);
const levels = (part: Partial<Emphasis>) => scene(part).links.map((one) => one.level);

test("without a focus nothing is faint", () => {
  expect(scene().words.some((one) => one.faint)).toBe(false);
  expect(new Set(levels({}))).toEqual(new Set(["plain"]));
});

test("a word in focus is red, its neighbors stay, the rest is faint", () => {
  const words = new Map(scene({ focus: ["wolf"] }).words.map((one) => [one.word, one]));
  expect(words.get("wolf")).toMatchObject({ focused: true, fill: DARK.focus, faint: false });
  expect(words.get("snow")).toMatchObject({ near: true, faint: false });
  expect(words.get("grass")?.faint).toBe(true);
  expect(levels({ focus: ["wolf"] })).toEqual(["strong", "faint", "faint"]);
});

test("of two words in focus their own link is strong", () => {
  expect(levels({ focus: ["snow", "wolf"] })).toEqual(["strong", "faint", "plain"]);
});

test("the mouse emphasises only while no word is in focus", () => {
  expect(levels({ hover: "dog" })).toEqual(["faint", "strong", "strong"]);
  expect(levels({ hover: "dog", focus: ["wolf"] })).toEqual(levels({ focus: ["wolf"] }));
});

test("rings appear with the brush", () => {
  expect(scene().words.every((one) => one.ring === null)).toBe(true);
  expect(scene({ brush: { from: 19, to: 20 } }).words[0].ring).toBe(1);
  expect(scene({ brush: { from: 0, to: 19 } }).words[0].ring).toBe(0);
});

test("each word is drawn by its strongest links only", () => {
  const counts = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`w${i}`, 10]));
  const names = Object.keys(counts);
  const all = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b, 3] as const));
  const springs = springsOf(shownGraph(graphOf(counts, all), DEFAULT_FILTERS));
  expect(springs.length).toBeLessThan(all.length);
  expect(new Set(springs.flatMap((one) => [one.a, one.b])).size).toBe(12);
});
