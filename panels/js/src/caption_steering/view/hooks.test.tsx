import * as React from "react";
import { createRoot, type Root } from "react-dom/client";
import { act } from "react-dom/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import example from "../../../../../tests/payloads/caption_steering.json";
import type { ImagePayload, JobData, PlacePayload } from "../../payloads/caption_steering";
import { emptySelection } from "../model/selections";
import type { Settings } from "../model/settings";
import { useAttempts, type Attempts } from "./useAttempts";
import { useBatch, type BatchWork } from "./useBatch";
import { useImage } from "./useImage";
import { useWord } from "./useWord";

type Failed = (message: string) => void;
const started = vi.hoisted(() => ({ calls: [] as unknown[][] }));
vi.mock("../../asking/newId", () => ({ newId: () => `job ${started.calls.length + 1}` }));
vi.mock("../../host/startOperator", () => ({
  startOperator: (...call: unknown[]) => void started.calls.push(call),
}));

const PLACE = example.place as unknown as PlacePayload;
const imageOf = (id: string): ImagePayload => ({
  ...(example.image as unknown as ImagePayload),
  sample_id: id,
});
const placeOf = (id: string): PlacePayload => ({ ...PLACE, sample_id: id });
const settingsOf = (prompt: string): Settings => ({
  prompt,
  method: "logits",
  selections: [{ ...emptySelection(1, 3), added: ["0,0"] }],
  active: 0,
});

/** Calls wait until the test answers them. */
interface Waiting {
  event: string;
  params: Record<string, unknown>;
  resolve: (value: unknown) => void;
}
let waiting: Waiting[];
const call = vi.fn(
  (event: string, params: Record<string, unknown> = {}) =>
    new Promise((resolve) => waiting.push({ event, params, resolve })),
) as <Result>(event: string, params?: Record<string, unknown>) => Promise<Result>;
const asked = (event: string) => waiting.filter((one) => one.event === event);
const answer = (one: Waiting, value: unknown) => act(async () => one.resolve(value));

let root: Root;
let unique = 0;
let name: (image: string) => string;
const render = (element: React.ReactElement) => act(async () => root.render(element));
const turnToTab = () => {
  act(() => root.unmount());
  root = createRoot(document.createElement("div"));
};

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.useFakeTimers();
  root = createRoot(document.createElement("div"));
  waiting = [];
  started.calls.length = 0;
  const test = ++unique; // what was tried on an image is remembered from test to test
  name = (image) => `${image}${test}`;
});
afterEach(() => {
  act(() => root.unmount());
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

let attempts: Attempts;
function Attempting({ id, streams = false }: { id: string; streams?: boolean }): null {
  attempts = useAttempts(call, "p", imageOf(id), { ...placeOf(id), streams }, undefined);
  return null;
}

test("clearing the prompt drops the attempt in flight", async () => {
  await render(<Attempting id={name("a")} />);
  await act(async () => attempts.change(settingsOf("a man")));
  await act(async () => vi.advanceTimersByTime(200));
  const [flying] = asked("generate");
  expect(attempts.busy).toBe(true);
  const none = { ...settingsOf(""), selections: [emptySelection(1, 3)] };
  await act(async () => attempts.change(none));
  expect(attempts.busy).toBe(false);
  await answer(flying, example.attempt);
  expect([attempts.attempt, attempts.history]).toEqual([null, []]);
});

test("an answer for an image that was left is kept for that image alone", async () => {
  await render(<Attempting id={name("a")} />);
  await act(async () => attempts.change(settingsOf("a man")));
  await act(async () => vi.advanceTimersByTime(200));
  await render(<Attempting id={name("b")} />);
  await answer(asked("generate")[0], example.attempt);
  expect(attempts.history).toEqual([]);
  await render(<Attempting id={name("a")} />);
  expect(attempts.attempt?.text).toBe(example.attempt.text);
});

test("a stream whose connection breaks ends with its reason", async () => {
  await render(<Attempting id={name("a")} streams />);
  await act(async () => attempts.change(settingsOf("a man")));
  await act(async () => attempts.generate());
  expect([attempts.busy, attempts.growing]).toEqual([true, ""]);
  await act(async () => (started.calls[0][2] as Failed)("network error"));
  expect([attempts.busy, attempts.growing, attempts.error]).toEqual([false, null, "network error"]);
});

let batch: BatchWork;
let finish: () => void;
const onDone = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
function Batching({ told }: { told?: JobData }): null {
  batch = useBatch(call, "p", "caption", told, onDone);
  return null;
}
const news = (id: string, state: JobData["state"] = "running"): JobData => ({
  id,
  step: "steer",
  state,
  done: 1,
  total: 2,
  label: "",
  message: null,
});

test("a job runs until what came of it is there", async () => {
  await render(<Batching />);
  await act(async () => batch.start("steer"));
  await render(<Batching told={news("job 1")} />);
  await render(<Batching told={news("job 1", "done")} />);
  await answer(asked("candidates")[0], example.candidates);
  expect(onDone).toHaveBeenLastCalledWith("steer");
  expect(batch.job?.step).toBe("steer");
  await act(async () => finish());
  expect(batch.job).toBeNull();
});

test("a job that runs is found again after another tab, until its connection breaks", async () => {
  await render(<Batching />);
  await act(async () => batch.start("steer"));
  started.calls.push([]);
  turnToTab();
  const told = news("job 1");
  await render(<Batching told={told} />);
  expect(batch.job?.id).toBe("job 1");
  await act(async () => (started.calls[0][2] as Failed)("network error"));
  expect([batch.job, batch.error]).toEqual([null, "network error"]);
  turnToTab();
  await render(<Batching told={told} />);
  expect(batch.job).toBeNull();
});

let sought: ReturnType<typeof useWord>;
const onTake = vi.fn();
function Seeking({ id, prompt }: { id: string; prompt: string }): null {
  sought = useWord(call, imageOf(id), placeOf(id), settingsOf(prompt), onTake);
  return null;
}

test("a sweep that the user did not wait for changes nothing", async () => {
  onTake.mockClear();
  await render(<Seeking id="a" prompt="a man" />);
  await act(async () => void sought.find());
  await render(<Seeking id="b" prompt="a man" />);
  expect(sought.searching).toBe(false);
  const search = { ...example.search, best: 0 };
  await answer(asked("find_weight")[0], search);
  expect([sought.search, onTake.mock.calls]).toEqual([null, []]);
  await act(async () => void sought.find());
  await render(<Seeking id="b" prompt="a woman" />);
  await answer(asked("find_weight")[1], search);
  expect(sought.search?.best).toBe(0);
  expect(onTake).not.toHaveBeenCalled();
  sought.take(sought.search?.trials[0] as never);
  expect(onTake.mock.lastCall?.[1].prompt).toBe("a man"); // what that caption was made with
});

let shown: ReturnType<typeof useImage>;
function Looking(): null {
  shown = useImage(call, "grid");
  return null;
}

test("a renewal means the image that is being opened, and ends with the newest answer", async () => {
  await render(<Looking />);
  let ended = false;
  await act(async () => void shown.open({ sample_id: "x" }).then(() => (ended = true)));
  await act(async () => void shown.renew({ keep: true }));
  expect(asked("open_image")[1].params).toEqual({ sample_id: "x", keep: true });
  await answer(asked("open_image")[0], imageOf("x"));
  expect([ended, shown.state.image]).toEqual([false, null]);
  await answer(asked("open_image")[1], imageOf("x"));
  expect([ended, shown.state.image?.sample_id]).toEqual([true, "x"]);
});

test("behind another tab the panel does not forget its image", async () => {
  await render(<Looking />);
  await act(async () => void shown.open({ sample_id: "y" }));
  await answer(asked("open_image")[0], imageOf("y"));
  turnToTab();
  await render(<Looking />);
  await act(async () => void shown.renew({ keep: true }));
  expect(asked("open_image")[1].params).toEqual({ sample_id: "y", keep: true });
});

test("quick steps go as far as the clicks say", async () => {
  await render(<Looking />);
  const step = (by: number) => act(async () => void shown.open({ sample_id: "a", step: by }));
  await step(1);
  await step(1);
  await step(1);
  await step(-1);
  expect(asked("open_image").map(({ params }) => params?.step)).toEqual([1, 2, 3, 2]);
  await answer(asked("open_image")[3], imageOf("c"));
  await act(async () => void shown.open({ sample_id: "c", step: 1 }));
  expect(asked("open_image")[4].params?.step).toBe(1);
});
