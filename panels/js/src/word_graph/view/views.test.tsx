import * as React from "react";
import { createRoot } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PairPayload } from "../../payloads/word_graph";
import { DARK } from "../../ui/palette";
import { BINS } from "../graph/scales";
import { DEFAULT_FILTERS } from "../graph/selection";
import { Controls } from "./Controls";
import { ExportMenu } from "./ExportMenu";
import { Histogram, nudged } from "./Histogram";
import { PairsTable } from "./PairsTable";
import { WordMenu } from "./WordMenu";

let root: ReturnType<typeof createRoot>;
let place: HTMLElement;

beforeEach(() => {
  (globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;
  place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});

afterEach(() => {
  act(() => root.unmount());
  place.remove();
});

const show = (element: React.ReactElement) => act(() => root.render(element));
const find = (selector: string) => place.querySelector<HTMLElement>(selector) as HTMLElement;
const click = (selector: string) => act(() => find(selector).click());

function type(selector: string, text: string): void {
  const input = find(selector) as HTMLInputElement;
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
  act(() => {
    set?.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const pair = (a: string, b: string, count: number, logOdds: number): PairPayload => ({
  a,
  b,
  count,
  expected: 2,
  lift: count / 2,
  log_odds: logOdds,
  q_value: 0.01,
});
const PAIRS = {
  strongest: [pair("dog", "grass", 9, 3), pair("man", "fish", 4, 5)],
  together: [pair("man", "fish", 4, 5)],
  apart: [pair("dog", "snow", 0, -3)],
};
const rows = () =>
  [...place.querySelectorAll("tbody tr")].map((one) => one.getAttribute("data-row"));

test("pairs are sorted by a column, the other way at the second click", () => {
  show(<PairsTable pairs={PAIRS} word={null} focus={[]} onPair={vi.fn()} />);
  expect(rows()).toEqual(["dog|grass", "man|fish"]);
  click("th:nth-child(5) button");
  expect(rows()).toEqual(["man|fish", "dog|grass"]);
  expect(find("th:nth-child(5)").getAttribute("aria-sort")).toBe("descending");
  click("th:nth-child(5) button");
  expect(rows()).toEqual(["dog|grass", "man|fish"]);
});

test("pairs that are never together have a tab; a click or Enter chooses a pair", () => {
  const chosen = vi.fn();
  show(<PairsTable pairs={PAIRS} word={null} focus={["dog", "snow"]} onPair={chosen} />);
  click("[data-cy=capviz-pairs-apart]");
  expect(rows()).toEqual(["dog|snow"]);
  expect(find("tbody tr").getAttribute("aria-selected")).toBe("true");
  click("tbody tr");
  act(() => {
    find("tbody tr").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  });
  expect(chosen.mock.calls).toEqual([
    ["dog", "snow"],
    ["dog", "snow"],
  ]);
});

test("the least count holds its last good value while it is typed", () => {
  const change = vi.fn();
  show(
    <Controls
      filters={DEFAULT_FILTERS}
      change={change}
      arrangement="together"
      arrange={vi.fn()}
      captionField="caption"
      captionFields={["caption"]}
      choose={vi.fn()}
      filtering
    />,
  );
  type("[data-cy=capviz-min-count]", "");
  expect(change).not.toHaveBeenCalled();
  type("[data-cy=capviz-min-count]", "5");
  expect(change).toHaveBeenLastCalledWith({ minCount: 5 });
  type("[data-cy=capviz-top]", "9999");
  expect(change).toHaveBeenLastCalledWith({ top: 300 });
  type("[data-cy=capviz-search]", "fish");
  expect(change).toHaveBeenLastCalledWith({ search: "fish" });
});

test("the range of match scores is moved by keys", () => {
  expect(nudged(null, "ArrowRight", false)).toEqual({ from: 0, to: 10 });
  expect(nudged({ from: 3, to: 5 }, "ArrowRight", false)).toEqual({ from: 4, to: 5 });
  expect(nudged({ from: 4, to: 5 }, "ArrowRight", false)).toEqual({ from: 4, to: 5 });
  expect(nudged({ from: 3, to: BINS }, "ArrowRight", true)).toEqual({ from: 3, to: BINS });
  expect(nudged({ from: 3, to: 5 }, "Escape", false)).toBeNull();
  expect(nudged(null, "Escape", false)).toBeUndefined();
});

test("the histogram tells its range in words", () => {
  const scores = Array.from({ length: BINS }, (_, i) => i);
  show(<Histogram scores={scores} brush={{ from: 10, to: 20 }} change={vi.fn()} palette={DARK} />);
  expect(find("[data-cy=capviz-itm-range]").textContent).toBe("0.50–1.00");
  expect(find("[data-cy=capviz-itm-brush]").getAttribute("aria-valuetext")).toBe("0.5 to 1");
  show(<Histogram scores={scores.map(() => 0)} brush={null} change={vi.fn()} palette={DARK} />);
  expect(place.textContent).toContain("Score captions");
});

test("the menu saves and closes", () => {
  const save = vi.fn();
  show(<ExportMenu save={save} />);
  click("[data-cy=capviz-export]");
  click("[data-cy=capviz-export-csv-links]");
  expect(save).toHaveBeenCalledWith("csv_links");
  expect(place.querySelector("[role=menu]")).toBeNull();
});

test("a comparison has no picture, and the menu says why", () => {
  const save = vi.fn();
  show(<ExportMenu save={save} comparing />);
  click("[data-cy=capviz-export]");
  const picture = find("[data-cy=capviz-export-svg]") as HTMLButtonElement;
  expect(picture.disabled).toBe(true);
  expect(picture.title).toContain("Close Compare");
  click("[data-cy=capviz-export-csv-words]");
  expect(save).toHaveBeenCalledWith("csv_words");
});

test("a word's menu makes it a stop word and closes; Escape closes too", () => {
  const makeStopWord = vi.fn();
  const close = vi.fn();
  show(<WordMenu word="photo" x={3} y={4} makeStopWord={makeStopWord} close={close} />);
  expect(find("[data-cy=capviz-stop-word]").textContent).toBe("Make “photo” a stop word");
  click("[data-cy=capviz-stop-word]");
  expect(makeStopWord).toHaveBeenCalledWith("photo");
  expect(close).toHaveBeenCalledTimes(1);
  act(() => {
    find("[role=menu]").dispatchEvent(
      new KeyboardEvent("keydown", { key: "Escape", bubbles: true }),
    );
  });
  expect(close).toHaveBeenCalledTimes(2);
});
