import * as React from "react";
import { createRoot } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Call } from "../../host/panel";
import { graphOf } from "../graph/fixture";
import { useWordGraph, type WordGraphModel } from "./useWordGraph";

let root: ReturnType<typeof createRoot>;
let model: WordGraphModel;
let asked: [string, Record<string, unknown>][];
let answers: Record<string, () => unknown>;
const recolor = vi.fn(async () => undefined);

const call = (async (event: string, params: Record<string, unknown> = {}) => {
  asked.push([event, params]);
  return answers[event]();
}) as Call;

function Panel({ scope, seen, narrowed }: { scope?: string; seen?: string; narrowed?: boolean }) {
  model = useWordGraph(call, scope, recolor, "demo", seen, narrowed);
  return null;
}

const show = (scope?: string, seen?: string, narrowed?: boolean) =>
  act(async () => root.render(<Panel scope={scope} seen={seen} narrowed={narrowed} />));
const events = () => asked.map(([event]) => event);
const count = (event: string) => events().filter((one) => one === event).length;

beforeEach(() => {
  (globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;
  localStorage.clear();
  recolor.mockClear();
  asked = [];
  let version = 0;
  const graph = { ...graphOf({ wolf: 5, snow: 4 }, [["wolf", "snow", 3]]), key: "one" };
  answers = {
    graph: () => graph,
    focus: () => ({
      words: ["wolf"],
      samples: 5,
      total: 100,
      together: true,
      message: "“wolf” is in 5 of 100 captions.",
      version: ++version,
      pairs: null,
    }),
    unfocus: () => ({ version: ++version }),
    stop_word: () => ({ recolor: [{ panel_id: "plot" }], message: "“wolf” added." }),
    undo_stop_words: () => ({ recolor: [], message: "“wolf” taken off." }),
    paint: () => ({ recolor: [{ panel_id: "plot" }], message: "" }),
  };
  root = createRoot(document.createElement("div"));
});

afterEach(() => act(async () => root.unmount()));

const viewed = (part: object) => {
  const before = answers.graph();
  answers.graph = () => ({ ...(before as object), ...part });
};

test("the graph is asked for at once, and once for one scope", async () => {
  await show();
  expect(asked).toEqual([["graph", { caption_field: null, search: "", fresh: true }]]);
  await show("one");
  expect(count("graph")).toBe(1);
  viewed({ key: "two" });
  await show("two");
  expect(count("graph")).toBe(2);
  expect(asked[1][1].fresh).toBe(false);
  await show("two");
  expect(count("graph")).toBe(2);
});

test("a filter that the browser sees is counted before Python tells of it, and once", async () => {
  await show("one", "all");
  viewed({ key: "two" });
  await show("one", "filtered");
  expect(count("graph")).toBe(2);
  await show("two", "filtered");
  expect(count("graph")).toBe(2);
  viewed({ key: "three" });
  await show("three", "filtered");
  expect(count("graph")).toBe(3);
});

test("what Python tells while a question is on its way is asked for if it is something else", async () => {
  await show("one", "all");
  let answer: (reply: unknown) => void = () => undefined;
  const later = new Promise((resolve) => (answer = resolve));
  answers.graph = () => later;
  await show("one", "filtered");
  await show("two", "filtered");
  expect(count("graph")).toBe(2);
  const graph = graphOf({ wolf: 5 });
  answers.graph = () => ({ ...graph, key: "two" });
  await act(async () => answer({ ...graph, key: "one" }));
  expect(count("graph")).toBe(3);
  await show("two", "filtered");
  expect(count("graph")).toBe(3);
});

test("a click narrows first and paints then", async () => {
  await show("one");
  await act(async () => model.focusOn(["wolf"]));
  expect(events()).toEqual(["graph", "focus", "paint"]);
  expect(asked[2][1]).toEqual({ version: 1 });
  expect(recolor).toHaveBeenCalledWith([{ panel_id: "plot" }]);
  expect(model.focus).toEqual(["wolf"]);
  expect(model.focused?.message).toContain("5 of 100");
});

test("who clears the App's selection means no word any more", async () => {
  await show("one", "all", false);
  await act(async () => model.focusOn(["wolf"]));
  await show("one", "all", true);
  vi.useFakeTimers();
  await act(async () => void vi.advanceTimersByTime(5000));
  expect(count("unfocus")).toBe(0);
  await show("one", "all", false);
  await act(async () => void vi.advanceTimersByTime(5000));
  vi.useRealTimers();
  expect([count("unfocus"), model.focus]).toEqual([1, []]);
});

test("of quick clicks only the last one paints", async () => {
  await show("one");
  await act(async () => {
    model.focusOn(["wolf"]);
    model.focusOn(["snow"]);
  });
  expect(count("focus")).toBe(2);
  expect(asked.filter(([event]) => event === "paint")).toEqual([["paint", { version: 2 }]]);
});

test("going back gives the grid and the colors back", async () => {
  await show("one");
  await act(async () => model.focusOn(["wolf"]));
  await act(async () => model.unfocus());
  expect(events().slice(-2)).toEqual(["unfocus", "paint"]);
  expect(model.focus).toEqual([]);
  await act(async () => model.unfocus());
  expect(count("unfocus")).toBe(1);
});

test("a new view is narrowed by the same words, or by none that it lacks", async () => {
  await show("one");
  await act(async () => model.focusOn(["wolf", "snow"]));
  viewed({ key: "two", words: graphOf({ wolf: 2 }).words, links: graphOf({ wolf: 2 }).links });
  await show("two");
  expect(asked.filter(([event]) => event === "focus").map(([, one]) => one.words)).toEqual([
    ["wolf", "snow"],
    ["wolf"],
  ]);
  viewed({ key: "three", words: [], links: graphOf({}).links });
  await show("three");
  expect(model.focus).toEqual([]);
  expect(events().slice(-2)).toEqual(["unfocus", "paint"]);
});

test("a filter that leaves the grid narrowed counts the words in focus anew", async () => {
  await show("one");
  await act(async () => model.focusOn(["wolf"]));
  viewed({ key: "two", focus: ["wolf"] });
  await show("two");
  expect(count("focus")).toBe(2);
  await act(async () => model.find("sno"));
  expect(count("graph")).toBe(3);
  expect(count("focus")).toBe(2);
});

test("a lasso keeps the word, and is not taken away by it", async () => {
  await show("one");
  await act(async () => model.focusOn(["wolf"]));
  viewed({ key: "two", lasso: 7 });
  await show("two");
  expect(count("focus")).toBe(1);
  expect(model.focus).toEqual(["wolf"]);
});

test("an error is a message, and the next view or a retry asks again", async () => {
  const good = answers.graph;
  answers.graph = () => {
    throw new Error("The database went away.");
  };
  await show("one");
  expect(model.error).toBe("The database went away.");
  expect(model.graph).toBeNull();
  answers.graph = good;
  await act(async () => model.retry());
  expect(model.graph?.words).toHaveLength(2);
  expect(model.error).toBeNull();
});

test("the chosen caption field is asked for, and after a reload too", async () => {
  await show("one");
  await act(async () => model.choose("notes"));
  expect(asked[1][1].caption_field).toBe("notes");
  await act(async () => root.unmount());
  root = createRoot(document.createElement("div"));
  await show("one");
  expect(asked[2][1]).toMatchObject({ caption_field: "notes", fresh: true });
});

test("Escape right after a click is sent after it, and only the newest of many clicks", async () => {
  await show("one");
  const reply = answers.focus();
  let arrive: (value: unknown) => void = () => undefined;
  answers.focus = () => new Promise((resolve) => (arrive = resolve));
  await act(async () => model.focusOn(["wolf"]));
  expect(model.busy).toBe(true);
  await act(async () => model.focusOn(["snow"]));
  await act(async () => model.unfocus());
  expect(events()).toEqual(["graph", "focus"]);
  await act(async () => arrive(reply));
  expect(events()).toEqual(["graph", "focus", "unfocus", "paint"]);
  expect(model.focus).toEqual([]);
  expect(model.focused).toBeNull();
  expect(model.busy).toBe(false);
});

test("a panel that is opened again knows what it narrowed, and paints what is over", async () => {
  viewed({ focus: ["wolf"] });
  await show("one");
  expect(model.focus).toEqual(["wolf"]);
  await act(async () => root.unmount());
  root = createRoot(document.createElement("div"));
  asked = [];
  viewed({ focus: [], cleared: 9 });
  await show("one");
  expect(asked.slice(1)).toEqual([["paint", { version: 9 }]]);
  expect(model.focus).toEqual([]);
});

test("a stop word is told to Python, and the graph is counted again without it", async () => {
  await show("one");
  await act(async () => model.makeStopWord("wolf"));
  const field = { caption_field: "caption" };
  expect(asked).toContainEqual(["stop_word", { word: "wolf", ...field }]);
  expect(count("graph")).toBe(2);
  expect(model.notice).toBe("“wolf” added.");
  expect(recolor).toHaveBeenCalledWith([{ panel_id: "plot" }]);
  await act(async () => model.undoStopWords());
  expect(asked).toContainEqual(["undo_stop_words", field]);
  expect(count("graph")).toBe(3);
});
