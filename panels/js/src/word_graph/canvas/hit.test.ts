import { expect, test } from "vitest";
import type { DrawnLink } from "../graph/scene";
import { distanceTo, nearestLink } from "./hit";
import { pairAt, wordAt, wordTowards } from "./interaction";

const PLACES: Record<string, { x: number; y: number }> = {
  a: { x: 0, y: 0 },
  b: { x: 100, y: 0 },
  c: { x: 0, y: 100 },
};
const link = (a: string, b: string, width = 1): DrawnLink => ({ a, b, width, level: "plain" });

test("a click near a line means its link", () => {
  const links = [link("a", "b"), link("a", "c")];
  const near = (x: number, y: number) => nearestLink({ x, y }, links, (word) => PLACES[word]);
  expect(near(50, 3)).toEqual(["a", "b"]);
  expect(near(-3, 60)).toEqual(["a", "c"]);
  expect(near(50, 50)).toBeNull();
  expect(
    nearestLink({ x: 0, y: 0 }, [link("a", "gone")], (word) => PLACES[word] ?? null),
  ).toBeNull();
});

test("distance from a line and from its ends", () => {
  expect(distanceTo(50, 7, PLACES.a, PLACES.b)).toBe(7);
  expect(distanceTo(-3, 4, PLACES.a, PLACES.b)).toBe(5);
  expect(distanceTo(3, 4, PLACES.a, PLACES.a)).toBe(5);
});

test("arrow keys go to the next word in their direction", () => {
  const places = Object.entries(PLACES).slice(1);
  expect(wordTowards(PLACES.a, "ArrowRight", places)).toBe("b");
  expect(wordTowards(PLACES.a, "ArrowDown", places)).toBe("c");
  expect(wordTowards(PLACES.a, "ArrowLeft", places)).toBeNull();
  expect(wordTowards(PLACES.a, "x", places)).toBeNull();
});

test("elements tell their word or pair", () => {
  document.body.innerHTML = '<div data-word="dog"><i></i></div><div data-pair="fish|man"></div>';
  expect(wordAt(document.querySelector("i"))).toBe("dog");
  expect(wordAt(document.body)).toBeNull();
  expect(pairAt(document.querySelector("[data-pair]"))).toEqual(["fish", "man"]);
  expect(pairAt(null)).toBeNull();
});
