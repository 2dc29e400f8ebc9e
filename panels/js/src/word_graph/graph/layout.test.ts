import { expect, test } from "vitest";
import { Layout } from "./layout";
import type { Memory } from "./memory";

const words = (...names: string[]) => names.map((word) => ({ word, r: 10 }));
const memory = (): Memory => ({ words: new Map(), viewport: null });

function settle(layout: Layout): void {
  let steps = 0;
  while (layout.tick()) if (++steps > 1000) throw new Error("The layout does not come to rest.");
}

const place = (layout: Layout, word: string) => {
  const { x, y } = layout.get(word) ?? { x: NaN, y: NaN };
  return { x, y };
};
const apart = (layout: Layout, a: string, b: string) =>
  Math.hypot(place(layout, a).x - place(layout, b).x, place(layout, a).y - place(layout, b).y);

test("words that belong together come close, and no two nodes overlap", () => {
  const layout = new Layout(memory());
  layout.update(words("a", "b", "c", "d"), [
    { a: "a", b: "b", strength: 1 },
    { a: "c", b: "d", strength: 1 },
  ]);
  settle(layout);
  expect(apart(layout, "a", "b")).toBeLessThan(apart(layout, "a", "c"));
  for (const one of "abcd") {
    for (const other of "abcd") {
      if (one !== other) expect(apart(layout, one, other)).toBeGreaterThan(20);
    }
  }
});

test("the same words find the same places", () => {
  const places = [0, 1].map(() => {
    const layout = new Layout(memory());
    layout.update(words("a", "b", "c"), [{ a: "a", b: "c", strength: 0.5 }]);
    settle(layout);
    return ["a", "b", "c"].map((word) => place(layout, word));
  });
  expect(places[0]).toEqual(places[1]);
});

test("a word keeps its place over views, also while it is away", () => {
  const layout = new Layout(memory());
  layout.update(words("a", "b", "c"), []);
  settle(layout);
  const before = ["a", "b", "c"].map((word) => place(layout, word));
  layout.update(words("b", "new"), [{ a: "b", b: "new", strength: 1 }]);
  expect(layout.moving).toBe(true);
  settle(layout);
  expect(place(layout, "b")).toEqual(before[1]);
  expect(apart(layout, "b", "new")).toBeLessThan(200);
  layout.update(words("a", "b", "c"), []);
  expect(layout.moving).toBe(false);
  expect(["a", "b", "c"].map((word) => place(layout, word))).toEqual(before);
});

test("a pin holds over a new arrangement and a reload, until it is released", () => {
  const kept = memory();
  const layout = new Layout(kept);
  layout.update(words("a", "b", "c"), []);
  settle(layout);
  layout.drag("a", 333, -44);
  layout.loosen();
  settle(layout);
  expect(place(layout, "a")).toEqual({ x: 333, y: -44 });
  layout.remember();
  const reloaded = new Layout(kept);
  reloaded.update(words("a", "b", "c"), []);
  expect(reloaded.moving).toBe(false);
  expect(reloaded.get("a")?.pinned).toBe(true);
  expect(place(reloaded, "a")).toEqual({ x: 333, y: -44 });
  const still = place(reloaded, "b");
  reloaded.release("a");
  settle(reloaded);
  expect(reloaded.get("a")?.pinned).toBe(false);
  expect(place(reloaded, "b")).toEqual(still);
});

test("an unknown word and an empty graph are no trouble", () => {
  const layout = new Layout(memory());
  layout.update([], []);
  expect(layout.tick()).toBe(false);
  layout.drag("nobody", 0, 0);
  layout.release("nobody");
  layout.update(words("a"), [{ a: "a", b: "nobody", strength: 1 }]);
  settle(layout);
  expect(Number.isFinite(place(layout, "a").x)).toBe(true);
});

test("of two layouts of one memory, the one that did not move a word forgets no pin", () => {
  const shared = memory();
  shared.words.set("a", { x: 1, y: 2, pinned: false });
  const [one, other] = [new Layout(shared), new Layout(shared)];
  for (const layout of [one, other]) layout.update(words("a"), []);
  one.drag("a", 30, 40);
  one.remember();
  other.remember();
  expect(shared.words.get("a")).toEqual({ x: 30, y: 40, pinned: true });
});
