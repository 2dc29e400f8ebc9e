import { expect, test } from "vitest";
import type { Card } from "../../payloads/segment_gallery";
import {
  byImage,
  choiceKey,
  chosenFrom,
  isReadAnew,
  isStored,
  layerOf,
  layersOf,
  menuOf,
  METHODS,
  methodOf,
  methodValue,
  portion,
  shapeOf,
} from "./methods";

const stored = { source: "itm", method: "gradcam", layer: 6, head: null };
const shape = { model: "m", layers: 12, gradient_layers: 11, heads: 12, default_layer: 5 };

test("every method of the menu comes back from its value", () => {
  for (const one of METHODS) expect(methodValue(methodOf(one.value))).toBe(one.value);
});

test("the stored method is stored at its own layer and head only", () => {
  expect(isStored(methodOf("itm:gradcam"), stored, shape)).toBe(true);
  expect(isStored({ ...stored, layer: 6 }, stored, shape)).toBe(true);
  expect(isStored({ ...stored, layer: 5 }, stored, shape)).toBe(false);
  expect(isStored({ ...stored, head: 0 }, stored, shape)).toBe(false);
  expect(isStored(methodOf("lm:gradcam"), stored, shape)).toBe(false);
});

test("a stored attribution that is not read anew stands in the menu", () => {
  const second = { source: "itm", method: "second_order", layer: null, head: null };
  expect(menuOf(stored)).toEqual(METHODS);
  expect(menuOf(second).map((one) => one.value)).toEqual([
    "itm:second_order",
    ...METHODS.map((one) => one.value),
  ]);
  expect(chosenFrom("itm:second_order", second)).toBe(second);
  expect(isStored(chosenFrom("itm:second_order", second), second)).toBe(true);
  expect(chosenFrom("lm:gradcam", second)).toEqual(methodOf("lm:gradcam"));
  expect([isReadAnew(second), isReadAnew(stored)]).toEqual([false, true]);
});

test("the layer is the chosen one, the stored one, or the model's default", () => {
  expect(layerOf({ ...stored, layer: 2 }, stored, shape)).toBe(2);
  expect(layerOf(methodOf("itm:gradcam"), stored, shape)).toBe(6);
  expect(layerOf(methodOf("lm:gradcam"), stored, shape)).toBe(5);
  expect(layerOf(methodOf("lm:gradcam"), stored)).toBeNull();
});

test("Grad-CAM is offered where it is not zero", () => {
  expect(layersOf(methodOf("itm:gradcam"), shape)).toBe(11);
  expect(layersOf(methodOf("itm:cross_attention"), shape)).toBe(12);
  expect(layersOf(methodOf("itm:gradcam"))).toBeNull();
});

test("each source has its own model", () => {
  const lm = { ...shape, model: "captioner" };
  expect(shapeOf(methodOf("lm:gradcam"), { itm: shape, lm })?.model).toBe("captioner");
  expect(shapeOf(methodOf("itm:gradcam"), null)).toBeUndefined();
});

test("different choices have different keys", () => {
  const choices = [stored, { ...stored, layer: 1 }, { ...stored, head: 1 }, methodOf("lm:gradcam")];
  expect(new Set(choices.map(choiceKey)).size).toBe(choices.length);
});

test("cards of one image are asked for together", () => {
  const cards = ["a1", "b2", "a3"].map((name) => ({
    sample_id: name[0],
    label_id: name,
  })) as Card[];
  expect(byImage(cards).map(([, label]) => label)).toEqual(["a1", "a3", "b2"]);
});

test("portions take about a second, grow gently and never end", () => {
  expect(portion(null)).toBe(3);
  expect(portion({ size: 3, seconds: 30 })).toBe(1);
  expect(portion({ size: 3, seconds: 0.001 })).toBe(12);
  expect(portion({ size: 20, seconds: 0.1 })).toBe(24);
  expect(portion({ size: 4, seconds: 2 })).toBe(2);
});
