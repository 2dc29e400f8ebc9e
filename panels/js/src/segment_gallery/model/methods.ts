/** The choice of method, layer and head, and how the cards are asked for in portions. */
import type { Card, Method, Methods, Shape } from "../../payloads/segment_gallery";

export interface MenuEntry {
  value: string;
  label: string;
  hint: string;
}

export interface MethodOption extends MenuEntry {
  source: "itm" | "lm";
  method: "gradcam" | "cross_attention";
}

export const METHODS: MethodOption[] = [
  {
    value: "itm:gradcam",
    source: "itm",
    method: "gradcam",
    label: "ITM · Grad-CAM",
    hint: "What in the image makes the matcher accept the word: attention times its gradient",
  },
  {
    value: "itm:cross_attention",
    source: "itm",
    method: "cross_attention",
    label: "ITM · cross-attention",
    hint: "Where the matcher looks when it reads the word",
  },
  {
    value: "lm:gradcam",
    source: "lm",
    method: "gradcam",
    label: "LM · Grad-CAM",
    hint: "What in the image made the captioner write the word: attention times its gradient",
  },
  {
    value: "lm:cross_attention",
    source: "lm",
    method: "cross_attention",
    label: "LM · cross-attention",
    hint: "Where the captioner looks when it writes the word",
  },
];

export function methodValue(method: Method): string {
  return `${method.source}:${method.method}`;
}

/** The method of a value of the menu, at the model's default layer and the mean of the heads. */
export function methodOf(value: string): Method {
  const option = METHODS.find((one) => one.value === value) ?? METHODS[0];
  return { source: option.source, method: option.method, layer: null, head: null };
}

/** The menu: what can be read anew, and what is stored where that is none of these. */
export function menuOf(stored: Method): MenuEntry[] {
  const value = methodValue(stored);
  if (METHODS.some((one) => one.value === value)) return METHODS;
  const label = stored.method === "second_order" ? "Second order" : value;
  return [
    { value, label, hint: "As the analysis stored it; it is not read anew here" },
    ...METHODS,
  ];
}

/** What a menu's value means: the stored attribution, or a method to read anew. */
export function chosenFrom(value: string, stored: Method): Method {
  return METHODS.every((one) => one.value !== value) ? stored : methodOf(value);
}

/** Whether layers and heads of a method can be chosen. */
export function isReadAnew(choice: Method): boolean {
  return METHODS.some((one) => one.value === methodValue(choice));
}

/** Whether a choice is what the analysis stored, which needs no model. */
export function isStored(choice: Method, stored: Method, shape?: Shape): boolean {
  return (
    methodValue(choice) === methodValue(stored) &&
    layerOf(choice, stored, shape) === layerOf(stored, stored, shape) &&
    choice.head === stored.head
  );
}

/** The layer of a choice: its own, the stored one of the stored method, or the model's default. */
export function layerOf(choice: Method, stored: Method, shape?: Shape): number | null {
  if (choice.layer !== null) return choice.layer;
  if (methodValue(choice) === methodValue(stored) && stored.layer !== null) return stored.layer;
  return shape?.default_layer ?? null;
}

/** How many layers can be chosen: Grad-CAM of a word is zero at those without a gradient. */
export function layersOf(choice: Method, shape?: Shape): number | null {
  const count = choice.method === "gradcam" ? shape?.gradient_layers : shape?.layers;
  return count ?? null;
}

/** What is known of the model of a choice. */
export function shapeOf(choice: Method, methods: Methods | null): Shape | undefined {
  return methods?.[choice.source === "lm" ? "lm" : "itm"];
}

/** A choice as a key. */
export function choiceKey(choice: Method): string {
  return `${methodValue(choice)}:${choice.layer ?? "default"}:${choice.head ?? "mean"}`;
}

/** Cards of one image stand together, so that a portion needs few images. */
export function byImage(cards: Card[]): [string, string][] {
  const groups = new Map<string, [string, string][]>();
  for (const card of cards) {
    const group = groups.get(card.sample_id) ?? [];
    group.push([card.sample_id, card.label_id]);
    groups.set(card.sample_id, group);
  }
  return [...groups.values()].flat();
}

/** How long the last portion took. */
export interface Pace {
  size: number;
  seconds: number;
}

const FIRST = 3;
const SECONDS = 1;
const LARGEST = 24;

/** How many cards to ask for next: about a second's work, so that the user sees progress. */
export function portion(last: Pace | null): number {
  if (last === null) return FIRST;
  const wanted = Math.round((last.size * SECONDS) / Math.max(last.seconds, 0.05));
  return Math.min(Math.max(wanted, 1), last.size * 4, LARGEST);
}
