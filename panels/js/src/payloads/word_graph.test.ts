import { expect, test } from "vitest";
import example from "../../../../tests/payloads/word_graph.json";
import {
  parseComparison,
  parseFile,
  parseFocus,
  parseGraph,
  parsePaint,
  parsePairs,
  parseVersion,
} from "./word_graph";

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
  ["nothing", () => undefined, /graph must be an object/],
  ["a list", () => [], /graph must be an object/],
  ["no words", () => ({ ...copy().graph, words: undefined }), /graph.words must be of kind array/],
  [
    "a count as text",
    () => ({ ...copy().graph, samples: "6" }),
    /graph.samples must be of kind number/,
  ],
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

test("a reply that is not as agreed names what is wrong", () => {
  const focus = { words: ["wolf"], samples: 1, total: 2, together: true, message: "", version: 3 };
  expect(parseFocus({ ...focus, pairs: null }).version).toBe(3);
  expect(() => parseFocus({ ...focus, pairs: null, total: "2" })).toThrow(
    "total must be of kind number",
  );
  expect(() => parseFocus({ ...focus, pairs: { strongest: [] } })).toThrow("together");
  expect(() => parsePaint({ message: "" })).toThrow("recolor must be of kind array");
  expect(() => parseFile({ name: "a", mime: "b" })).toThrow("text must be of kind string");
  expect(() => parseVersion(null)).toThrow("must be an object");
});
