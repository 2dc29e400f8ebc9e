import { expect, test } from "vitest";
import { loadMemory, memoryKey, saveMemory, type Memory } from "./memory";

function store() {
  const held = new Map<string, string>();
  return {
    held,
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
  };
}

test("places, pins and viewport come back", () => {
  const kept = store();
  const memory: Memory = {
    words: new Map([
      ["dog", { x: 1.25, y: -3, pinned: true }],
      ["a.b $where", { x: 0, y: 2, pinned: false }],
    ]),
    viewport: { x: 1, y: 2, k: 0.5, width: 300, height: 200 },
  };
  saveMemory(kept, memoryKey("demo", "caption"), memory);
  const found = loadMemory(kept, memoryKey("demo", "caption"));
  expect(found.words.get("dog")).toEqual({ x: 1.3, y: -3, pinned: true });
  expect(found.words.get("a.b $where")?.pinned).toBe(false);
  expect(found.viewport).toEqual(memory.viewport);
});

test("datasets and caption fields do not mix", () => {
  expect(new Set([memoryKey("a", "b"), memoryKey("a", "c"), memoryKey("b", "b")]).size).toBe(3);
});

test("what cannot be read is no memory", () => {
  for (const text of ["", "{", "7", "null", '{"words":{"a":["x",1,0]}}', '{"words":[]}']) {
    const kept = store();
    kept.held.set("k", text);
    expect(loadMemory(kept, "k").words.size).toBe(0);
  }
  expect(loadMemory(undefined, "k").viewport).toBeNull();
});

test("a full store stops nothing", () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  };
  expect(() => saveMemory(full, "k", { words: new Map(), viewport: null })).not.toThrow();
});
