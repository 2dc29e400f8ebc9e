import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { IMAGE } from "../model/fixture";
import { typedFor } from "../model/typed";
import { settingsAsked, useAnswer, type Asked } from "./usePair";

(globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;

let root: Root;
let waiting: {
  event: string;
  params: Record<string, unknown>;
  resolve: (v: unknown) => void;
  reject: (e: Error) => void;
}[];
let seen: Asked<string>[];
const call = <T,>(event: string, params: Record<string, unknown> = {}) =>
  new Promise<T>((resolve, reject) =>
    waiting.push({ event, params, resolve: resolve as (v: unknown) => void, reject }),
  );
const parse = (reply: unknown) => String(reply);

function Probe(props: { asked: Record<string, unknown> | null; attempt?: number }): null {
  seen.push(useAnswer(call, "explain", props.asked, props.attempt ?? 0, parse));
  return null;
}
const render = (asked: Record<string, unknown> | null, attempt = 0) =>
  act(async () => root.render(<Probe asked={asked} attempt={attempt} />));
const now = () => seen[seen.length - 1];
const last = () => waiting[waiting.length - 1];
const ended = () => waiting.flatMap((one) => (one.event === "cancel" ? [one.params.request] : []));

beforeEach(() => {
  waiting = [];
  seen = [];
  root = createRoot(document.createElement("div"));
});
afterEach(() => act(() => root.unmount()));

test("no render ever has the answer to another question", async () => {
  await render({ sample: 1 });
  await act(async () => waiting[0].resolve("first"));
  expect(now()).toMatchObject({ value: "first", loading: false, error: null });
  seen = [];
  await render({ sample: 2 });
  expect(seen.map(({ value }) => value)).toEqual(seen.map(() => null));
  expect(now().loading).toBe(true);
  await act(async () => waiting[1].resolve("second"));
  expect(now().value).toBe("second");
  await render(null);
  expect(now()).toMatchObject({ value: null, loading: false, error: null });
});

test("a late answer, and one that failed, do not hide the newest", async () => {
  await render({ sample: 1 });
  await render({ sample: 2 });
  await act(async () => waiting[0].resolve("first"));
  expect(now()).toMatchObject({ value: null, loading: true, error: null });
  await act(async () => last().reject(new Error("no model")));
  expect(now().error).toBe("no model");
  await render({ sample: 2 }, 1);
  expect(now()).toMatchObject({ value: null, loading: true, error: null });
  await act(async () => last().resolve("again"));
  expect(now().value).toBe("again");
});

test("what nobody waits for any more is ended on the server, by its name", async () => {
  await render({ sample: 1 });
  const first = last().params.request;
  await render({ sample: 2 });
  const second = last().params.request;
  expect(ended()).toEqual([first]);
  expect(second).not.toBe(first);
  await act(async () => now().cancel());
  expect(ended()).toEqual([first, second]);
  expect(now()).toMatchObject({ value: null, loading: false });
  expect(now().error).toContain("cancelled");
  await act(async () => waiting.forEach(({ resolve }) => resolve("late")));
  expect(now().value).toBeNull();
  await render({ sample: 2 }, 1);
  await act(async () => last().resolve("again"));
  await render({ sample: 3 });
  await render(null);
  expect(ended()).toHaveLength(3); // what has its answer is not ended
  await render({ sample: 4 });
  const open = last().params.request;
  await act(async () => root.render(null)); // the panel is closed
  expect(ended()).toEqual([...ended().slice(0, 3), open]);
});

test("a long wait is agreed to for that question alone", async () => {
  await render({ sample: 1 });
  expect(last().params.confirmed).toBe(false);
  await act(async () => last().resolve({ wait: 40 }));
  expect(now()).toMatchObject({ value: null, loading: false, error: null, wait: 40 });
  await act(async () => now().confirm());
  expect(last().params).toMatchObject({ sample: 1, confirmed: true });
  await act(async () => last().resolve("first"));
  expect(now()).toMatchObject({ value: "first", wait: null });
  await render({ sample: 2 });
  expect(last().params.confirmed).toBe(false);
});

test("a layer is asked for only of a method that has layers", () => {
  const chosen = { encoder: null, method: "itsm_output", layer: 2 };
  expect(settingsAsked(chosen, "scenes", IMAGE.methods)).toEqual({
    encoder: "scenes",
    method: "itsm_output",
    layer: null,
  });
  const icam = { encoder: "a/b", method: "icam", layer: 2 };
  expect(settingsAsked(icam, "scenes", IMAGE.methods)).toEqual(icam);
});

test("a typed caption holds for its own image and field alone", () => {
  const entered = { sampleId: "a", field: "caption", text: "a dog" };
  expect(typedFor(entered, "a", "caption")).toBe("a dog");
  expect(typedFor(entered, "b", "caption")).toBeNull();
  expect(typedFor(entered, "a", "other")).toBeNull();
  expect(typedFor(null, "a", "caption")).toBeNull();
});
