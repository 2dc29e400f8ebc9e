import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Card, Gallery, Reading } from "../../payloads/segment_gallery";
import { DEFAULTS, type GalleryActions, type GalleryState, type Settings } from "../model/state";
import { useGallery, type Versions } from "./useGallery";

const reading: Reading = {
  scores: [1],
  best: [1],
  unread: [],
  seen: true,
  coverage: 1,
  covered_by: [0],
  entropy: null,
  grid: 1,
  peaks: [1],
  maps: "fw==",
};

const card = (name: string): Card => ({
  label_id: name,
  sample_id: name,
  filepath: "/one.png",
  label: null,
  box: [0, 0, 1, 1],
  mask: null,
  pieces: [{ text: "hat", word: 0 }],
  words: ["hat"],
  area: 1,
  stale: false,
  reading,
});

const gallery = (change: Partial<Gallery> = {}): Gallery => ({
  version: "v1",
  focus_version: 1,
  seed: 0,
  caption_field: "caption",
  segments_field: "segments",
  scope: { kind: "view", words: [], total: 5, covered: 0 },
  problem: null,
  stored: { source: "itm", method: "gradcam", layer: 1, head: null },
  notes: [],
  cards: ["a", "b", "c", "d", "e"].map(card),
  ...change,
});

const shape = { model: "m", layers: 4, gradient_layers: 3, heads: 2, default_layer: 1 };

let root: Root;
let host: HTMLElement;
let state: GalleryState;
let actions: GalleryActions;
const call = vi.fn();
const recolorPlot = vi.fn(() => Promise.resolve());
const OUTSIDE = { recolorPlot, openSample: vi.fn() };

function Host({ versions }: { versions: Versions }): null {
  const [settings, setSettings] = React.useState<Settings>(DEFAULTS);
  ({ state, actions } = useGallery(call, versions, settings, setSettings, OUTSIDE));
  return null;
}

const show = (versions: Versions = {}) =>
  act(async () => root.render(<Host versions={versions} />));

const asked = (event: string) => call.mock.calls.filter(([name]) => name === event);

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  host = document.body.appendChild(document.createElement("div"));
  root = createRoot(host);
  call.mockReset();
  call.mockImplementation(async (event: string, params: Record<string, unknown>) => {
    if (event === "draw") return gallery();
    if (event === "methods") return { itm: shape, lm: shape };
    if (event === "recolor") return { recolor: [{ panel_id: "e" }] };
    const labels = (params.cards as [string, string][]).map(([, label]) => label);
    return {
      readings: Object.fromEntries(labels.map((label) => [label, reading])),
      failures: {},
      layer: 0,
      shape,
    };
  });
});

afterEach(() => {
  act(() => root.unmount());
  host.remove();
});

test("it draws once, and again when Python tells of something that it has not seen", async () => {
  await show();
  expect(asked("draw")).toEqual([["draw", { seed: 0, size: 12, all: false }]]);
  expect(state.gallery?.cards).toHaveLength(5);
  await show({ focus: 1, scope: "v1" });
  expect(asked("draw")).toHaveLength(1);
  await show({ focus: 2, scope: "v1" });
  expect(asked("draw")).toHaveLength(2);
  await show({ focus: 1, scope: "v2" });
  expect(asked("draw")).toHaveLength(2); // the Word Graph counts a new view first
  await vi.waitFor(() => expect(asked("draw")).toHaveLength(3));
  await show({ focus: 1, scope: "v2", seen: "another view" });
  await vi.waitFor(() => expect(asked("draw")).toHaveLength(4));
});

test("a view that changes to and fro is asked for again: the answer may be about the other", async () => {
  await show({ focus: 1, scope: "v1", seen: "filtered" });
  expect(asked("draw")).toHaveLength(1);
  await show({ focus: 1, scope: "v1", seen: "all" });
  await show({ focus: 1, scope: "v1", seen: "filtered" });
  await vi.waitFor(() => expect(asked("draw")).toHaveLength(2));
});

test("redraw and page size ask for another sample", async () => {
  await show();
  await act(async () => actions.redraw());
  await act(async () => actions.set({ size: 24 }));
  expect(asked("draw").map(([, params]) => [params.seed, params.size])).toEqual([
    [0, 12],
    [1, 12],
    [1, 24],
  ]);
});

test("the stored method asks for no readings; another one in portions, and once only", async () => {
  await show();
  await act(async () => actions.set({ choice: gallery().stored }));
  expect(asked("read")).toHaveLength(0);
  const other = { source: "lm", method: "gradcam", layer: 0, head: null };
  await act(async () => actions.set({ choice: other }));
  await vi.waitFor(() => expect(state.progress).toBeNull());
  expect(asked("read").map(([, params]) => params.cards.length)).toEqual([3, 2]);
  expect(Object.keys(state.readings ?? {})).toEqual(["a", "b", "c", "d", "e"]);
  await act(async () => actions.set({ choice: null }));
  expect(state.readings).toBeNull();
  await act(async () => actions.set({ choice: other }));
  expect(Object.keys(state.readings ?? {})).toHaveLength(5);
  expect(asked("read")).toHaveLength(2);
});

test("a choice that was overtaken changes nothing any more", async () => {
  const release: (() => void)[] = [];
  await show();
  const answer = call.getMockImplementation()!;
  call.mockImplementation(async (event: string, params: Record<string, unknown>) => {
    if (event === "read" && params.source === "lm") {
      await new Promise<void>((resolve) => release.push(resolve));
    }
    return answer(event, params);
  });
  const slow = { source: "lm", method: "gradcam", layer: 0, head: null };
  await act(async () => actions.set({ choice: slow }));
  expect(state.progress).toEqual({ done: 0, total: 5 });
  await act(async () => actions.set({ choice: null }));
  await act(async () => release.forEach((one) => one()));
  expect(state.readings).toBeNull();
  expect(asked("read")).toHaveLength(1);
});

test("an error is said, the cards stay, and trying again takes it away", async () => {
  await show();
  const answer = call.getMockImplementation()!;
  call.mockImplementation(async () => {
    throw new Error("The database is gone.");
  });
  await act(async () => actions.redraw());
  expect(state.error).toBe("The database is gone.");
  expect(state.gallery?.cards).toHaveLength(5);
  call.mockImplementation(answer);
  await act(async () => actions.retry());
  expect(state.error).toBeNull();
});

test("coloring hands the plot what Python says, or tells why it cannot", async () => {
  await show();
  await act(async () => actions.recolor("entropy"));
  expect(call).toHaveBeenCalledWith("recolor", { by: "entropy", segments_field: "segments" });
  expect(recolorPlot).toHaveBeenCalledWith([{ panel_id: "e" }]);
  expect(state.color).toBe("entropy");
  call.mockRejectedValueOnce(new Error("No Embeddings panel is open."));
  await act(async () => actions.recolor("area"));
  expect(state.color).toBe("");
  expect(state.error).toBe("No Embeddings panel is open.");
});

test("a word that comes into focus has colored the plot", async () => {
  await show();
  expect(state.color).toBe("");
  const scope = { kind: "focus" as const, words: ["hat"], total: 5, covered: 2 };
  call.mockImplementation(async (event: string) =>
    event === "draw" ? gallery({ focus_version: 2, scope }) : { itm: shape, lm: shape },
  );
  await show({ focus: 2 });
  expect(state.color).toBe("attention");
});
