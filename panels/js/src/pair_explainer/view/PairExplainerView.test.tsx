import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DARK, LIGHT } from "../../ui/palette";
import { examplePair, IMAGE, RELATION, SUMS } from "../model/fixture";
import type { Pair } from "../model/maps";
import { signed } from "../model/numbers";
import { NoImage } from "./NoImage";
import { PairExplainerView, type ViewProps } from "./PairExplainerView";
import type { Answer } from "./usePair";

(globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;

let root: Root;
let host: HTMLElement;
beforeEach(() => {
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null); // jsdom has none
  host = document.createElement("div");
  document.body.append(host);
  root = createRoot(host);
});
afterEach(() => {
  act(() => root.unmount());
  host.remove();
  vi.restoreAllMocks();
});

const nothing = () => undefined;
const NONE = { value: null, loading: false, error: null, wait: null };
const answer = (value: Pair | null, change: Partial<Answer<Pair>> = {}): Answer<Pair> => ({
  ...NONE,
  value,
  ...change,
});
const PAIR = examplePair();

function show(props: Partial<ViewProps> = {}): void {
  const whole: ViewProps = {
    palette: DARK,
    image: IMAGE,
    other: null,
    first: answer(PAIR),
    second: NONE,
    relation: NONE,
    error: null,
    typed: null,
    compare: "none",
    together: false,
    otherCaption: "",
    ticked: false,
    settings: { encoder: null, method: "second_order", layer: null },
    srcOf: (path) => path,
    onStep: nothing,
    onField: nothing,
    onCaption: nothing,
    onSettings: nothing,
    onCompare: nothing,
    onTogether: nothing,
    onOtherCaption: nothing,
    onOtherStep: nothing,
    onOtherTicked: nothing,
    onMismatches: nothing,
    onAnalyze: nothing,
    onCancel: nothing,
    onConfirm: nothing,
    onRetry: nothing,
    ...props,
  };
  act(() => root.render(<PairExplainerView {...whole} />));
}

const all = (name: string) => [...host.querySelectorAll<HTMLElement>(`[data-cy=capviz-${name}]`)];
const part = (name: string) => all(name)[0];
const click = (element: HTMLElement) => act(() => element.click());
const numbers = () => all("pair-word").map((word) => word.querySelector("small")?.textContent);
const pressed = () =>
  all("pair-word").flatMap((word, i) => (word.getAttribute("aria-pressed") === "true" ? [i] : []));
const key = (element: HTMLElement, name: string, shiftKey = false) =>
  act(() => {
    element.dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey, bubbles: true }));
  });

test("words are switches that carry their numbers; the strongest is on", () => {
  show();
  expect(numbers()).toEqual(SUMS.of_image.map(signed));
  expect(pressed()).toHaveLength(1);
  click(part("pair-none"));
  expect(pressed()).toEqual([]);
  expect(part("pair-legend")).toBeUndefined();
  expect(host.textContent).toContain("Select words to see where they count.");
  click(all("pair-word")[1]);
  click(all("pair-word")[2]);
  expect(part("pair-legend").textContent).toContain("“red hat”");
  expect(part("pair-legend").textContent).toContain(signed(SUMS.of_image[1] + SUMS.of_image[2]));
  expect(all("pair-word")[1].getAttribute("aria-label")).toContain("from the whole image");
  click(part("pair-all"));
  expect(pressed()).toEqual(PAIR.words.map((_, i) => i));
});

test("a segment, and a box made by keys, change where the numbers come from", () => {
  show();
  click(all("pair-segment")[0]);
  expect(numbers()).toEqual(SUMS.of_segment.map(signed));
  expect(part("pair-from").textContent).toContain("the segment “hat”");
  const stage = part("pair-stage");
  key(stage, "Escape");
  expect(numbers()).toEqual(SUMS.of_image.map(signed));
  key(stage, "Enter");
  expect(part("pair-box")).toBeDefined();
  expect(part("pair-from").textContent).toContain("the box");
  key(stage, "ArrowRight", true);
  click(part("pair-whole"));
  expect(part("pair-box")).toBeUndefined();
});

test("a box is dragged, and a click on an outline chooses its segment", () => {
  show();
  const stage = part("pair-stage");
  stage.getBoundingClientRect = () => ({ left: 0, top: 0, width: 100, height: 100 }) as DOMRect;
  const point = (target: Element, type: string, clientX: number, clientY: number) =>
    act(() => {
      target.dispatchEvent(
        new MouseEvent(type, { clientX, clientY, button: 0, bubbles: true, cancelable: true }),
      );
    });
  point(stage, "pointerdown", 30, 10);
  point(stage, "pointermove", 40, 20);
  point(stage, "pointermove", 55, 50);
  point(stage, "pointerup", 55, 50);
  expect(numbers()).toEqual(SUMS.of_box.map(signed));
  const outline = host.querySelector("[data-segment=s1]") as Element;
  point(outline, "pointerdown", 40, 20);
  point(outline, "pointerup", 40, 20);
  expect(numbers()).toEqual(SUMS.of_segment.map(signed));
  point(stage, "pointerdown", 30, 10);
  point(stage, "pointermove", 30, 17);
  point(stage, "pointerup", 30, 17);
  expect(host.textContent).toContain("must be at least as large as a patch");
  expect(numbers()).toEqual(SUMS.of_image.map(signed));
});

test("method, layer and encoder are asked for", () => {
  const onSettings = vi.fn();
  show({ onSettings });
  const choose = (name: string, value: string) => {
    const select = part(name) as HTMLSelectElement;
    act(() => {
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
  };
  choose("pair-method", "icam");
  expect(onSettings).toHaveBeenLastCalledWith(expect.objectContaining({ method: "icam" }));
  expect([...(part("pair-layer") as HTMLSelectElement).options].map((one) => one.text)).toEqual([
    "default (1)",
    "0",
    "1",
    "2",
  ]);
  choose("pair-layer", "1");
  expect(onSettings).toHaveBeenLastCalledWith(expect.objectContaining({ layer: 1 }));
  const field = part("pair-encoder") as HTMLInputElement;
  expect(field.value).toBe("scenes");
  act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, "a/b");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  act(() => field.form?.requestSubmit());
  expect(onSettings).toHaveBeenLastCalledWith(
    expect.objectContaining({ encoder: "a/b", layer: null }),
  );
});

test("the layers stay known while another explanation is on its way", () => {
  show();
  show({ first: answer(null, { loading: true }) });
  const select = part("pair-layer") as HTMLSelectElement;
  expect(select.disabled).toBe(false);
  expect(select.options).toHaveLength(4);
  show({ first: answer(null), settings: { encoder: "a/b", method: "second_order", layer: null } });
  expect(select.disabled).toBe(true); // another encoder may have others
});

test("a method without layers has none to choose, whatever was chosen before", () => {
  show({ settings: { encoder: null, method: "itsm_output", layer: 2 } });
  const select = part("pair-layer") as HTMLSelectElement;
  expect([select.disabled, select.value]).toEqual([true, ""]);
  show({ first: answer({ ...PAIR, method: "itsm_output", layer: null, text_layer: null }) });
  expect(part("pair-error").textContent).not.toContain("image layer");
});

test("a long wait is begun only on request; one under way can be ended", () => {
  vi.useFakeTimers();
  const onConfirm = vi.fn();
  const onCancel = vi.fn();
  show({ first: answer(null, { wait: 130 }), onConfirm });
  expect(part("pair-wait").textContent).toContain("about 2 min");
  show({
    compare: "caption",
    first: answer(null, { wait: 60 }),
    second: answer(null, { wait: 60 }),
    onConfirm,
  });
  expect(part("pair-wait").textContent).toContain("about 2 min"); // one after the other
  click(part("pair-confirm"));
  expect(onConfirm).toHaveBeenCalledOnce();
  show({ first: answer(null, { loading: true }), onCancel });
  expect(part("pair-wait")).toBeUndefined();
  expect(part("pair-cancel")).toBeUndefined(); // most answers come at once
  act(() => void vi.advanceTimersByTime(61_000));
  expect(part("pair-running").textContent).toContain("61 s");
  click(part("pair-cancel"));
  expect(onCancel).toHaveBeenCalledOnce();
  show();
  expect(part("pair-cancel")).toBeUndefined();
  vi.useRealTimers();
});

test("score, completeness error, its meaning and notes stand there", () => {
  show();
  const text = part("pair-error").textContent;
  expect(text).toContain("+0.712");
  expect(text).toContain("completeness error 0.0001");
  expect(text).toContain("All parts together");
  expect(text).toContain("image layer 2, text layer 2");
  const sums = part("pair-sums").textContent;
  for (const value of [PAIR.on_patches, PAIR.on_cls, PAIR.rest, PAIR.exact ?? 0]) {
    expect(sums).toContain(signed(value));
  }
  expect(text).toContain("3 tokens longer");
});

test("another caption: two chips rows, one shared scale, the difference", () => {
  const caption = "red fish";
  const words = [
    { text: "red", start: 0, end: 3, content: true, read: true },
    { text: "fish", start: 4, end: 8, content: true, read: true },
  ];
  const second = { ...PAIR, caption, words, maps: PAIR.maps.slice(0, 32), score: 0.2, notes: [] };
  show({ compare: "caption", otherCaption: caption });
  click(part("pair-none"));
  click(all("pair-word")[1]);
  show({ compare: "caption", otherCaption: caption, second: answer(second) });
  expect(pressed()).toEqual([1, PAIR.words.length]); // “red” in both
  expect(part("pair-difference").textContent).toContain(signed(PAIR.score - 0.2));
  expect(part("pair-difference").textContent).toContain("“red” minus “red”");
  const legends = all("pair-legend").map((one) => one.querySelector("span")?.textContent);
  expect(legends[0]).toBe(legends[1]);
  expect(all("pair-error")).toHaveLength(2);
});

test("another image: one caption, both images' numbers and their difference", () => {
  const other = { ...IMAGE, sample_id: "1", filepath: "/images/second.png" };
  const second = { ...PAIR, sample_id: "1", score: 0.1, maps: PAIR.maps.map((value) => -value) };
  show({ compare: "image", other, second: answer(second) });
  const rows = [...part("pair-difference").querySelectorAll("tbody tr")];
  expect(rows[1].textContent).toContain(signed(2 * SUMS.of_image[1]));
  click(all("pair-segment")[0]);
  expect(numbers().slice(0, PAIR.words.length)).toEqual(SUMS.of_segment.map(signed));
  expect(numbers().slice(PAIR.words.length)).toEqual(SUMS.of_image.map((one) => signed(-one)));
  const relation = {
    ...RELATION,
    rows: 16,
    columns: 16,
    matrix: new Float32Array(256).fill(0.001),
  };
  show({
    compare: "image",
    other,
    second: answer(second),
    together: true,
    relation: { ...NONE, value: relation },
  });
  expect(host.textContent).toContain("from the segment “hat” of the other");
  const cards = all("pair-error").map((card) => card.textContent);
  expect(cards).toHaveLength(1); // that of the relation, not those of the pairs
  expect(cards[0]).toContain("Against each other");
  expect(cards[0]).toContain(`image layer ${RELATION.layer}`);
  expect(cards[0]).toContain("patches with patches");
  expect(part("pair-sums").textContent).toContain(signed(RELATION.inside + RELATION.rest));
  expect(all("pair-word")).toEqual([]);
  expect(part("pair-difference")).toBeUndefined();
});

test("the compare bar asks for what it names", () => {
  const onCompare = vi.fn();
  const onOtherStep = vi.fn();
  const onTogether = vi.fn();
  show({ onCompare });
  click(part("pair-compare-image"));
  expect(onCompare).toHaveBeenLastCalledWith("image");
  key(part("pair-compare-none"), "ArrowRight");
  expect(onCompare).toHaveBeenLastCalledWith("caption");
  show({ compare: "caption", onOtherStep, onTogether, ticked: true });
  click(part("pair-other-next"));
  expect(onOtherStep).toHaveBeenLastCalledWith(1);
  click(part("pair-together-together"));
  expect(onTogether).toHaveBeenLastCalledWith(true);
  expect(part("pair-other-ticked")).toBeDefined();
});

test("loading, errors and a missing caption are said; text of users stays text", () => {
  const onRetry = vi.fn();
  show({ first: answer(null, { loading: true }) });
  expect(host.textContent).toContain("the encoder is loaded");
  show({ first: answer(null, { error: "No <b>such</b> model." }), onRetry });
  const alert = host.querySelector("[role=alert]") as HTMLElement;
  expect(alert.textContent).toContain("No <b>such</b> model.");
  expect(alert.querySelector("b")).toBeNull();
  click(alert.querySelector("button") as HTMLElement);
  expect(onRetry).toHaveBeenCalled();
  const caption = "a <img src=x> hat";
  const words = [{ text: "hat", start: 14, end: 17, content: true, read: true }];
  show({ first: answer({ ...PAIR, caption, words }) });
  expect(host.querySelector(".capviz-px-caption")?.textContent).toContain("a <img src=x> ");
  expect(host.querySelector(".capviz-px-caption img")).toBeNull();
  const onCaption = vi.fn();
  const onAnalyze = vi.fn();
  show({ image: { ...IMAGE, caption: null }, first: NONE, onCaption, onAnalyze });
  expect(host.textContent).toContain("no caption yet");
  click(part("pair-analyze"));
  expect(onAnalyze).toHaveBeenCalledOnce();
  const field = part("pair-caption") as HTMLInputElement;
  act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, "a cat");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  act(() => field.form?.requestSubmit());
  expect(onCaption).toHaveBeenCalledWith("a cat");
});

test("both themes set their colors; the modal has no arrows of ours", () => {
  show({ palette: LIGHT, onStep: null });
  expect(part("pair-explainer").style.colorScheme).toBe("light");
  expect(part("pair-next")).toBeUndefined();
  show({ palette: DARK });
  expect(part("pair-explainer").style.colorScheme).toBe("dark");
  expect(part("pair-next")).toBeDefined();
});

test("while there is no image the reason stands there", () => {
  const empty = (props: Partial<React.ComponentProps<typeof NoImage>>) =>
    act(() =>
      root.render(
        <NoImage palette={DARK} missing={null} error={null} onRetry={nothing} {...props} />,
      ),
    );
  empty({});
  expect(host.textContent).toContain("Opening");
  empty({ missing: "samples" });
  expect(host.textContent).toContain("Clear a filter");
  empty({ error: "It broke." });
  expect(host.textContent).toContain("Try again");
});
