import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Card, Gallery, Reading } from "../../payloads/segment_gallery";
import { DARK } from "../../ui/palette";
import { NOT_READ } from "../model/messages";
import { DEFAULTS, type GalleryActions, type GalleryState } from "../model/state";
import { SegmentGalleryView } from "./SegmentGalleryView";

// jsdom decodes no images.
vi.mock("./pictures", () => {
  const pending = () => ({ value: null, failed: false });
  return { usePicture: pending, useMask: pending };
});

const reading: Reading = {
  scores: [0.5, -1, 0.2],
  best: [1, 1, 0.2],
  unread: [],
  seen: true,
  coverage: 2,
  covered_by: [2, 0],
  entropy: 0.5,
  grid: 1,
  peaks: [1, 1, 1],
  maps: btoa("\x7f\x81\x01"),
};

const card = (name: string, change: Partial<Card> = {}): Card => ({
  label_id: name,
  sample_id: `sample-${name}`,
  filepath: "/one.png",
  label: "hat",
  box: [0, 0, 0.5, 0.5],
  mask: null,
  pieces: [
    { text: "man", word: 0 },
    { text: " <img src=x onerror=alert(1)> ", word: -1 },
    { text: "red", word: 1 },
    { text: " ", word: -1 },
    { text: "hat", word: 2 },
  ],
  words: ["man", "red", "hat"],
  area: 0.25,
  stale: false,
  reading,
  ...change,
});

const gallery: Gallery = {
  version: "1",
  focus_version: 1,
  seed: 0,
  caption_field: "caption",
  segments_field: "segments",
  scope: { kind: "focus", words: ["hat"], total: 40, covered: 7 },
  problem: null,
  stored: { source: "itm", method: "gradcam", layer: 1, head: null },
  notes: [],
  cards: [card("a"), card("b")],
};

const state: GalleryState = {
  gallery,
  methods: {
    itm: { model: "m", layers: 4, gradient_layers: 3, heads: 2, default_layer: 1 },
    lm: { model: "c", layers: 3, gradient_layers: 3, heads: 2, default_layer: 0 },
  },
  settings: DEFAULTS,
  loading: false,
  readings: null,
  previous: null,
  failures: {},
  progress: null,
  error: null,
  color: "",
};

let host: HTMLDivElement;
let root: Root;
let actions: GalleryActions;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  // jsdom has no layout and no canvas.
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  host = document.body.appendChild(document.createElement("div"));
  root = createRoot(host);
  actions = {
    set: vi.fn(),
    redraw: vi.fn(),
    retry: vi.fn(),
    recolor: vi.fn(),
    analyze: vi.fn(),
    open: vi.fn(),
  };
});

afterEach(() => {
  act(() => root.unmount());
  host.remove();
  vi.restoreAllMocks();
});

function show(change: Partial<GalleryState> = {}): void {
  act(() =>
    root.render(
      <SegmentGalleryView
        state={{ ...state, ...change }}
        actions={actions}
        palette={DARK}
        sourceOf={(path) => `/media?filepath=${path}`}
      />,
    ),
  );
}

const cy = <Kind extends HTMLElement = HTMLElement>(name: string) =>
  host.querySelector<Kind>(`[data-cy="${name}"]`);

function choose(name: string, value: string): void {
  const select = cy<HTMLSelectElement>(name)!;
  act(() => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

test("words that cover the segment are marked, the one in focus is told apart", () => {
  show();
  const words = [...host.querySelectorAll<HTMLElement>("[data-label-id=a] [data-card-word]")];
  expect(
    words.map((one) => [one.dataset.cardWord, one.dataset.covers, one.dataset.focused]),
  ).toEqual([
    ["man", "true", "false"],
    ["red", "false", "false"],
    ["hat", "true", "true"],
  ]);
  expect(words[0].style.background).not.toBe("");
  expect(words[1].style.background).toBe("");
  expect(words[2].getAttribute("aria-pressed")).toBe("true");
});

test("a caption is text, whatever stands in it", () => {
  show();
  expect(host.querySelector("p img")).toBeNull();
  expect(host.querySelector("p")!.textContent).toBe("man <img src=x onerror=alert(1)> red hat");
});

test("a click or Enter on a card opens its sample; a word shows its heat instead", () => {
  show();
  const first = host.querySelector<HTMLElement>("[data-label-id=a]")!;
  act(() => first.click());
  act(() => {
    first.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  });
  expect(actions.open).toHaveBeenCalledTimes(2);
  expect(actions.open).toHaveBeenCalledWith("sample-a");
  const word = first.querySelector<HTMLElement>("[data-card-word=man]")!;
  act(() => word.click());
  expect(word.getAttribute("aria-pressed")).toBe("true");
  expect(actions.open).toHaveBeenCalledTimes(2);
});

test("arrows move between the cards", () => {
  show();
  const first = host.querySelector<HTMLElement>("[data-label-id=a]")!;
  first.focus();
  act(() => {
    first.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  });
  expect((document.activeElement as HTMLElement).dataset.labelId).toBe("b");
});

test("method, layer and head are choices", () => {
  show();
  expect(cy<HTMLSelectElement>("capviz-method")!.value).toBe("itm:gradcam");
  // Grad-CAM is zero at the matcher's last layer.
  expect(cy<HTMLSelectElement>("capviz-layer")!.options).toHaveLength(3);
  expect(cy<HTMLSelectElement>("capviz-layer")!.value).toBe("1");
  expect(cy<HTMLSelectElement>("capviz-head")!.options).toHaveLength(3);
  choose("capviz-method", "lm:cross_attention");
  expect(actions.set).toHaveBeenLastCalledWith({
    choice: { source: "lm", method: "cross_attention", layer: null, head: null },
  });
  choose("capviz-head", "1");
  expect(actions.set).toHaveBeenLastCalledWith({
    choice: { source: "itm", method: "gradcam", layer: 1, head: 1 },
  });
});

test("what a chosen method says replaces what is stored, and what it cannot say is said", () => {
  const other = { ...reading, covered_by: [1] };
  show({ readings: { a: other }, failures: { b: "The image is gone." } });
  const covers = (name: string) =>
    [...host.querySelectorAll<HTMLElement>(`[data-label-id=${name}] [data-covers=true]`)].map(
      (one) => one.dataset.cardWord,
    );
  expect(covers("a")).toEqual(["red"]);
  expect(covers("b")).toEqual([]);
  expect(host.querySelector("[data-label-id=b]")!.textContent).toContain("The image is gone.");
});

test("what was not read or seen is told, and is neither covered nor uncovered", () => {
  const unread: Reading = {
    ...reading,
    scores: [null, -1, 0.2],
    best: [null, 1, 0.2],
    unread: [0],
  };
  const outside: Reading = {
    ...reading,
    scores: [null, null, null],
    covered_by: [],
    seen: false,
    coverage: null,
  };
  const notes = ["3 words of 1 captions lie beyond the token limit."];
  const cards = [
    card("a", { reading: { ...unread, covered_by: [] } }),
    card("b", { reading: outside }),
  ];
  show({ gallery: { ...gallery, scope: { ...gallery.scope, words: ["man"] }, notes, cards } });
  expect(cy("capviz-gallery-notes")!.textContent).toBe(notes[0]);
  const word = host.querySelector<HTMLButtonElement>("[data-label-id=a] [data-card-word=man]")!;
  expect([word.dataset.unread, word.disabled, word.title]).toEqual(["true", true, NOT_READ]);
  expect(word.style.textDecoration).toBe("line-through");
  // The focused word has no heat on this card.
  expect(word.getAttribute("aria-pressed")).toBe("false");
  const hidden = host.querySelector<HTMLElement>("[data-label-id=b]")!;
  expect(hidden.dataset.seen).toBe("false");
  expect(hidden.textContent).toContain("not seen");
  expect(hidden.textContent).toContain("coverage –");
  expect(host.querySelector("[data-label-id=a]")!.textContent).not.toContain("not seen");
});

test("while a method is read, progress is shown and the cards stay", () => {
  show({ readings: {}, progress: { done: 0, total: 2 } });
  expect(cy("capviz-gallery-progress")!.textContent).toContain("reading");
  expect(cy("capviz-segment-gallery")!.getAttribute("aria-busy")).toBe("true");
  expect(host.querySelectorAll("[data-covers=true]")).toHaveLength(4);
});

test("before the first answer there are placeholders; an error offers to try again", () => {
  show({ gallery: null, loading: true });
  expect(cy("capviz-gallery-loading")).not.toBeNull();
  show({ gallery: null, error: "The database is gone." });
  expect(cy("capviz-gallery-error")!.textContent).toContain("The database is gone.");
  act(() => host.querySelector<HTMLElement>("[data-cy=capviz-gallery-empty] button")!.click());
  expect(actions.retry).toHaveBeenCalled();
  show({ error: "Once." });
  expect(host.querySelectorAll("[data-cy=capviz-segment-card]")).toHaveLength(2);
});

test.each([
  [{ problem: "no_analysis" as const, cards: [] }, /not been|No captions/, true],
  [{ problem: "no_segments" as const, cards: [] }, /“hat” attends to no segment/, false],
])("an empty gallery says what to do", (change, message, analyze) => {
  show({ gallery: { ...gallery, ...change } });
  expect(cy("capviz-gallery-empty")!.textContent).toMatch(message);
  const button = host.querySelector<HTMLElement>("[data-cy=capviz-gallery-empty] button");
  expect(button !== null).toBe(analyze);
  if (button) act(() => button.click());
  expect(actions.analyze).toHaveBeenCalledTimes(analyze ? 1 : 0);
});

test("all segments can be shown although a word is in focus", () => {
  show();
  act(() => cy("capviz-all")!.click());
  expect(actions.set).toHaveBeenCalledWith({ all: true });
});

test("the plot's color, the page size, the redraw and the signs are the user's", () => {
  show();
  choose("capviz-color", "entropy");
  expect(actions.recolor).toHaveBeenCalledWith("entropy");
  choose("capviz-page-size", "24");
  expect(actions.set).toHaveBeenCalledWith({ size: 24 });
  act(() => cy("capviz-redraw")!.click());
  expect(actions.redraw).toHaveBeenCalled();
  act(() => cy("capviz-signed")!.click());
  expect(actions.set).toHaveBeenCalledWith({ signed: true });
});
