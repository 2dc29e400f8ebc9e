import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import example from "../../../../../tests/payloads/caption_steering.json";
import type { ImagePayload, PlacePayload, ScopesPayload } from "../../payloads/caption_steering";
import { DARK } from "../../ui/palette";
import { emptySelection } from "../model/selections";
import type { Settings } from "../model/settings";
import { CaptionSteeringView, type ViewProps } from "./CaptionSteeringView";
import { NoImage } from "./NoImage";

(globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;

let root: Root;
let host: HTMLElement;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  root = createRoot(host);
});
afterEach(() => {
  act(() => root.unmount());
  host.remove();
});

const SETTINGS: Settings = {
  prompt: "",
  method: "logits",
  selections: [emptySelection(1, 3)],
  active: 0,
};
const nothing = () => undefined;
const image = example.image as unknown as ImagePayload;

function show(props: Partial<ViewProps> = {}): void {
  const whole: ViewProps = {
    palette: DARK,
    image,
    place: example.place as unknown as PlacePayload,
    loading: null,
    error: null,
    settings: SETTINGS,
    attempt: null,
    growing: null,
    busy: false,
    live: true,
    history: [],
    word: "",
    search: null,
    searching: false,
    searchError: null,
    suggestions: [],
    scopes: example.scopes as unknown as ScopesPayload,
    job: null,
    batchError: null,
    message: null,
    candidates: [],
    waiting: 0,
    chosenCount: 0,
    chosenTheirs: 0,
    isChosen: () => true,
    accept: null,
    srcOf: (path) => path,
    onStep: nothing,
    onField: nothing,
    onRetry: nothing,
    onSettings: nothing,
    onLive: nothing,
    onGenerate: nothing,
    onCancel: nothing,
    onGoBack: nothing,
    onWord: nothing,
    onFind: nothing,
    onTake: nothing,
    onApply: nothing,
    onStop: nothing,
    onFlip: nothing,
    onOpen: nothing,
    onMore: nothing,
    onMisses: nothing,
    onAccept: nothing,
    onAcceptChosen: nothing,
    onDiscard: nothing,
    onUndo: nothing,
    ...props,
  };
  act(() => root.render(<CaptionSteeringView {...whole} />));
}

const find = (name: string) => host.querySelector<HTMLElement>(`[data-cy="${name}"]`);

test("every name that scripts rely on is there", () => {
  show();
  const names = ["steering", "prompt", "weight", "steer-method", "generate", "new-caption"];
  names.push("history", "wanted-word", "find-weight", "apply", "success-rate", "accept", "undo");
  for (const name of names) expect(find(`capviz-${name}`), name).not.toBeNull();
  const grid = example.place.grid;
  expect(host.querySelectorAll("[data-patch]")).toHaveLength(grid * grid);
  expect(host.querySelector(`[data-patch="${grid - 1},${grid - 1}"]`)).not.toBeNull();
});

test("a caption that looks like markup is shown as text", () => {
  const text = "<img src=x onerror=alert(1)>";
  const attempt = { ...example.attempt, text, pieces: [{ text, is_new: true }] };
  show({ attempt, image: { ...image, caption: text } });
  expect(find("capviz-new-caption")?.textContent).toBe(text);
  expect(find("capviz-present-caption")?.textContent).toBe(text);
  expect(host.querySelector("img[src=x]")).toBeNull();
});

test("patches are painted by keyboard, and arrows move over the grid", () => {
  const onSettings = vi.fn<(settings: Settings) => void>();
  show({ onSettings });
  const press = (key: string) =>
    act(() => {
      (document.activeElement as HTMLElement).dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true }),
      );
    });
  act(() => host.querySelector<HTMLElement>('[data-patch="0,0"]')?.focus());
  press("ArrowRight");
  press("ArrowDown");
  expect((document.activeElement as HTMLElement).dataset.patch).toBe("1,1");
  press(" ");
  expect(onSettings.mock.lastCall?.[0].selections[0].added).toEqual(["1,1"]);
});

test("a segment's button selects its patches, which show the weight", () => {
  const id = Object.keys(example.place.cells)[0];
  const onSettings = vi.fn<(settings: Settings) => void>();
  show({ onSettings });
  act(() => host.querySelector<HTMLElement>(`button[data-segment="${id}"]`)?.click());
  const settings = onSettings.mock.lastCall?.[0];
  expect(settings?.selections[0].segments).toEqual([id]);
  show({ settings });
  const marked = host.querySelectorAll('[data-patch][data-weight="3"]');
  expect(marked).toHaveLength(Object.values(example.place.cells)[0].length);
  expect(marked[0].getAttribute("aria-selected")).toBe("true");
});

test("without models the image is there and nothing can be asked", () => {
  show({ place: null, loading: "Loading the models …" });
  expect(host.textContent).toContain("Loading the models");
  expect((find("capviz-generate") as HTMLButtonElement).disabled).toBe(true);
  expect(host.querySelector("[data-patch]")).toBeNull();
});

test("models that could not be had are asked for again", () => {
  const onRetry = vi.fn();
  show({ place: null, error: "No such checkpoint.", onRetry });
  act(() => host.querySelector<HTMLElement>('[role="alert"] button')?.click());
  expect(onRetry).toHaveBeenCalledOnce();
});

test("there is no text in the new caption's place until there is one", () => {
  for (const busy of [false, true]) {
    show({ busy, settings: { ...SETTINGS, prompt: "a man" } });
    expect(find("capviz-new-caption")?.textContent).toBe("");
  }
});

test("two clicks at one place mean the segment there, and leave no patch behind", () => {
  let settings = SETTINGS;
  const onSettings = (next: Settings) => {
    settings = next;
  };
  const id = Object.keys(example.place.cells)[0];
  const outline = "M0 0L1000 0L1000 1000L0 1000Z";
  const segments = [{ ...image.segments[0], id, outline }];
  const place = { ...example.place, crop: [0, 0, 1, 1] } as unknown as PlacePayload;
  const grown = () => show({ settings, onSettings, place, image: { ...image, segments } });
  grown();
  const grid = host.querySelector<HTMLElement>('[role="grid"]') as HTMLElement;
  grid.getBoundingClientRect = () => ({ left: 0, top: 0, width: 100, height: 100 }) as DOMRect;
  grid.setPointerCapture = nothing;
  const fire = (type: string, more: MouseEventInit = {}) => {
    const at = { clientX: 50, clientY: 50, button: 0, bubbles: true, cancelable: true, ...more };
    act(() => {
      grid.dispatchEvent(new MouseEvent(type, at));
    });
    grown();
  };
  fire("pointerdown");
  expect(settings.selections[0].added).toHaveLength(1);
  fire("pointerup");
  fire("pointerdown");
  fire("pointerup");
  fire("dblclick");
  expect(settings.selections[0]).toEqual({ ...SETTINGS.selections[0], segments: [id] });
  fire("pointerdown", { altKey: true });
  expect(settings.selections[0]).toEqual(SETTINGS.selections[0]);
});

test("on a fine grid each selection shows its weight once", () => {
  const frames: ((entries: unknown[]) => void)[] = [];
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(told: (entries: unknown[]) => void) {
        frames.push(told);
      }
      observe = nothing;
      disconnect = nothing;
    },
  );
  const selections = [
    { ...emptySelection(1, 3), added: ["0,0", "0,1"] },
    { ...emptySelection(2, 7), added: ["1,1"] },
  ];
  show({ settings: { ...SETTINGS, selections } });
  const texts = (name: string) =>
    [...host.querySelectorAll(name)].map((one) => one.textContent).filter(Boolean);
  const { grid } = example.place;
  act(() => frames.forEach((tell) => tell([{ contentRect: { width: 10 * grid } }])));
  expect(texts(".capviz-st-weight")).toEqual(["×3", "×7"]);
  expect(texts("[data-patch]")).toEqual([]);
  act(() => frames.forEach((tell) => tell([{ contentRect: { width: 40 * grid } }])));
  expect(texts(".capviz-st-weight")).toEqual([]);
  expect(texts("[data-patch]")).toEqual(["×3", "×3", "×7"]);
  vi.unstubAllGlobals();
});

test("a weight that cannot be is refused by a sentence, and the old one stays", () => {
  const onSettings = vi.fn<(settings: Settings) => void>();
  show({ onSettings });
  const type = (text: string) =>
    act(() => {
      const field = find("capviz-weight") as HTMLInputElement;
      const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
      setter?.call(field, text);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  type("500");
  expect(onSettings).not.toHaveBeenCalled();
  expect(host.textContent).toContain("between 0.1 and 100. ×3 stays.");
  type("50");
  expect(onSettings.mock.lastCall?.[0].selections[0].weight).toBe(50);
  expect(host.textContent).not.toContain("stays.");
});

test("errors stand in a line of their own, and the panel stays", () => {
  show({ error: "The captioner cannot be had." });
  expect(host.querySelector('[role="alert"]')?.textContent).toBe("The captioner cannot be had.");
  expect(find("capviz-prompt")).not.toBeNull();
});

test("a stream grows, and can be cancelled", () => {
  const onCancel = vi.fn();
  const place = { ...example.place, streams: true } as unknown as PlacePayload;
  show({ place, growing: "a man in", busy: true, onCancel });
  expect(find("capviz-new-caption")?.textContent).toBe("a man in");
  act(() => find("capviz-cancel")?.click());
  expect(onCancel).toHaveBeenCalledOnce();
});

test("the empty panel says what to do", () => {
  const onAnalyze = vi.fn();
  const props = { palette: DARK, error: null, onAnalyze, onRetry: nothing };
  act(() => root.render(<NoImage {...props} missing="captions" />));
  act(() => host.querySelector("button")?.click());
  expect(onAnalyze).toHaveBeenCalledOnce();
  act(() => root.render(<NoImage {...props} missing="samples" />));
  expect(host.textContent).toContain("The view is empty");
  act(() => root.render(<NoImage {...props} missing={null} error="No server." />));
  expect(host.querySelector('[role="alert"]')?.textContent).toBe("No server.");
});
