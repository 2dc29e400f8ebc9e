import { expect, test } from "vitest";
import example from "../../../../tests/payloads/word_graph.json";
import { parseComparison, parseGraph, parsePairs } from "./parse";

const copy = () => structuredClone(example);

test("what Python sends is what the panel expects", () => {
  expect(parseGraph(example.graph)).toBe(example.graph);
  expect(parseComparison(example.compare)).toBe(example.compare);
  expect(parsePairs(example.focus.pairs)).toBe(example.focus.pairs);
});

test("a dataset without captions is told by a message", () => {
  const empty = { key: "k", dataset: "d", empty: "Nothing yet." };
  expect(parseGraph(empty)).toEqual(empty);
});

test.each([
  ["nothing", () => undefined, /expected the graph/],
  ["a list", () => [], /expected the graph/],
  ["no words", () => ({ ...copy().graph, words: undefined }), /"words" must be a list/],
  ["a count as text", () => ({ ...copy().graph, samples: "6" }), /"samples" must be a number/],
  [
    "an unknown part of speech",
    () => {
      const { graph } = copy();
      graph.words[0].tag = "particle";
      return graph;
    },
    /particle/,
  ],
  [
    "columns of different lengths",
    () => {
      const { graph } = copy();
      graph.links.count.pop();
      return graph;
    },
    /equally long/,
  ],
  [
    "a link to nowhere",
    () => {
      const { graph } = copy();
      graph.links.b[0] = graph.words.length;
      return graph;
    },
    /among the/,
  ],
])("%s is refused with a message", (_name, make, message) => {
  expect(() => parseGraph(make())).toThrow(message);
});
