import { expect, test } from "vitest";
import { DARK } from "../../ui/palette";
import { graphOf } from "../graph/fixture";
import { Layout } from "../graph/layout";
import { sceneOf, springsOf } from "../graph/scene";
import { DEFAULT_FILTERS, shownGraph } from "../graph/selection";
import { Overlay } from "./overlay";

const HERE = { x: 300, y: 200, k: 1 };

function shownScene(counts: Record<string, number>, focus: string[] = []) {
  const names = Object.keys(counts);
  const links = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b, 2] as const));
  const shown = shownGraph(graphOf(counts, links), DEFAULT_FILTERS);
  const scene = sceneOf(shown, { focus, hover: null, brush: { from: 0, to: 20 } }, DARK);
  return { scene, springs: springsOf(shown) };
}

function laidOut(counts: Record<string, number>) {
  const root = document.createElement("div");
  const overlay = new Overlay(root);
  const layout = new Layout({ words: new Map(), viewport: null });
  const { scene, springs } = shownScene(counts);
  layout.update(scene.words, springs);
  while (layout.tick());
  overlay.show(scene, layout, (word) => `about ${word.word}`);
  overlay.place(layout, HERE, true);
  return { root, overlay, layout };
}

test("every word and link has an element that can take the focus", () => {
  const { root } = laidOut({ man: 5, fish: 3, hat: 2 });
  const word = root.querySelector<HTMLElement>('[data-word="man"]');
  expect(word?.tabIndex).toBe(0);
  expect(word?.getAttribute("role")).toBe("button");
  expect(word?.getAttribute("aria-label")).toBe("about man");
  expect(word?.dataset.ring).toBe("1.000");
  expect(root.querySelector<HTMLElement>('[data-word="fish"]')?.tabIndex).toBe(-1);
  expect(root.querySelectorAll("[data-pair]")).toHaveLength(3);
  expect(root.querySelector('[data-pair="fish|man"]')).not.toBeNull();
});

test("elements of words that stay are kept, others go", () => {
  const { root, overlay, layout } = laidOut({ man: 5, fish: 3, hat: 2 });
  const before = root.querySelector('[data-word="man"]');
  const { scene } = shownScene({ man: 5, dog: 3 }, ["man"]);
  layout.update(scene.words, []);
  overlay.show(scene, layout, (word) => word.word);
  expect(root.querySelector('[data-word="man"]')).toBe(before);
  expect(before?.getAttribute("aria-pressed")).toBe("true");
  expect(root.querySelector('[data-word="fish"]')).toBeNull();
  expect(root.querySelectorAll("[data-pair]")).toHaveLength(1);
});

test("no handle of a link covers another one or a word", () => {
  const counts = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`w${i}`, 30 - i]));
  const { root } = laidOut(counts);
  const boxes = [...root.querySelectorAll<HTMLElement>("[data-pair],[data-word]")].map((one) => {
    const [, x, y] = one.style.transform.match(/translate\(([-\d.]+)px, ?([-\d.]+)px\)/) ?? [];
    return { name: one.dataset.pair ?? "", x: +x, y: +y, size: parseFloat(one.style.width) };
  });
  const pairs = boxes.filter((one) => one.name);
  const covered = pairs.filter((one) => {
    const center = { x: one.x + one.size / 2, y: one.y + one.size / 2 };
    return boxes.some(
      (other) =>
        other !== one &&
        center.x > other.x &&
        center.x < other.x + other.size &&
        center.y > other.y &&
        center.y < other.y + other.size,
    );
  });
  expect(pairs).toHaveLength(276);
  expect(covered.length / pairs.length).toBeLessThan(0.05);
});

test("links wait until nothing moves", () => {
  const { root, overlay, layout } = laidOut({ man: 5, fish: 3 });
  const layer = root.querySelector("[data-pair]")?.parentElement;
  overlay.place(layout, HERE, false);
  expect(layer?.style.visibility).toBe("hidden");
  overlay.place(layout, HERE, true);
  expect(layer?.style.visibility).toBe("visible");
});

test("thousands of links are placed in several frames, and seen when all have their place", () => {
  const counts = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`w${i}`, 80 - i]));
  const { root, overlay, layout } = laidOut(counts);
  const layer = root.querySelector("[data-pair]")?.parentElement;
  const moved = { ...HERE, x: 310 };
  let frames = 1;
  while (!overlay.place(layout, moved, true, 1)) {
    expect(layer?.style.visibility).toBe("hidden");
    frames += 1;
  }
  expect(frames).toBeGreaterThan(1);
  expect(layer?.style.visibility).toBe("visible");
  expect(overlay.place(layout, moved, false)).toBe(true);
  expect(layer?.style.visibility).toBe("hidden");
});

test("a hover leaves the elements where they are, a move does not", () => {
  const { root, overlay, layout } = laidOut({ man: 5, fish: 3, hat: 2 });
  const pair = root.querySelector<HTMLElement>("[data-pair]")!;
  const word = root.querySelector<HTMLElement>('[data-word="man"]')!;
  const before = pair.style.cssText;
  pair.style.cssText = word.style.cssText = "width:1px";
  const { scene } = shownScene({ man: 5, fish: 3, hat: 2 }, ["man"]);
  overlay.show(scene, layout, (one) => one.word);
  overlay.place(layout, { ...HERE }, true);
  expect([pair.style.width, word.style.width]).toEqual(["1px", "1px"]);
  overlay.place(layout, { ...HERE, x: 310 }, true);
  expect(word.style.width).not.toBe("1px");
  overlay.place(layout, HERE, true);
  expect(pair.style.cssText).toBe(before);
  pair.style.cssText = "width:1px";
  layout.drag("hat", 400, 400);
  overlay.place(layout, HERE, true);
  expect(pair.style.width).not.toBe("1px");
});
