import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import example from "../../../../../tests/payloads/pair_explainer.json";
import { PairExplainer } from "./PairExplainer";

interface Request {
  event: string;
  params: Record<string, unknown>;
  resolve: (value: unknown) => void;
}
const app = vi.hoisted(() => ({ requests: [] as Request[], modal: "a" as string | null }));
const among: string[] = [];
vi.mock("../../host/app", () => ({
  getSampleSrc: (path: string) => path,
  useApp: () => ({ inModal: true, modalId: app.modal, among }),
}));
vi.mock("../../host/theme", async () => {
  const { DARK } = await import("../../ui/palette");
  return { usePalette: () => DARK };
});
vi.mock("../../host/panel", () => ({ useCall: () => call }));
const call = (event: string, params: Record<string, unknown>) =>
  new Promise((resolve) => app.requests.push({ event, params, resolve }));

let root: Root;
let host: HTMLElement;
beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null); // jsdom has none
  app.requests = [];
  app.modal = "a";
  host = document.body.appendChild(document.createElement("div"));
  root = createRoot(host);
});
afterEach(() => {
  act(() => root.unmount());
  host.remove();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const render = () => act(async () => root.render(<PairExplainer schema={{ view: {} }} />));
const part = (name: string) => host.querySelector<HTMLElement>(`[data-cy=capviz-pair-${name}]`);
const last = (event: string) => app.requests.filter((one) => one.event === event).slice(-1)[0];
const asked = () =>
  app.requests.flatMap(({ event, params }) =>
    event === "explain" ? [[params.sample_id, params.caption_field, params.caption]] : [],
  );
const opens = (sample: string, field: string) =>
  act(async () =>
    last("open_image").resolve({
      ...example.image,
      sample_id: sample,
      caption_field: field,
      caption: `${field} of ${sample}`,
    }),
  );
const type = async (text: string) => {
  if (!part("caption")) act(() => part("edit")?.click());
  const field = part("caption") as HTMLInputElement;
  act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await act(async () => field.form?.requestSubmit());
};

test("a caption is asked for with its own image and field alone, however they change", async () => {
  await render();
  await opens("a", "caption");
  await type("a typed dog");
  app.modal = "b";
  await render();
  await opens("b", "caption");
  await type("a typed cat");
  const select = part("field") as HTMLSelectElement;
  await act(async () => {
    select.value = "caption_large";
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await opens("b", "caption_large");
  expect(asked()).toEqual([
    ["a", "caption", "caption of a"],
    ["a", "caption", "a typed dog"],
    ["b", "caption", "caption of b"],
    ["b", "caption", "a typed cat"],
    ["b", "caption_large", "caption_large of b"],
  ]);
});

test("while another image is explained nothing of the last one is on it", async () => {
  await render();
  await opens("a", "caption");
  await act(async () => last("explain").resolve({ ...example.pair, sample_id: "a" }));
  expect(part("stage")?.dataset.heat).toBe("true");
  app.modal = "b";
  await render();
  await opens("b", "caption");
  expect(part("stage")?.dataset.heat).toBe("false");
  expect(part("word")).toBeNull();
  expect(host.textContent).toContain("Explaining …");
});
