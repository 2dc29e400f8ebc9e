import type { Palette } from "../../ui/palette";
import { tagColor, textOn } from "./colors";
import type { Spring } from "./layout";
import { brushedShare, linkWidth, radius, type Brush } from "./scales";
import { pairName, withNeighbors, type Shown } from "./selection";

/** A word as it is drawn; its place is its body's. */
export interface DrawnWord {
  word: string;
  r: number;
  fill: string;
  ink: string;
  /** Share of a ring around the node, 0..1; null for none. */
  ring: number | null;
  faint: boolean;
  focused: boolean;
  /** Joined to a word in focus. */
  near: boolean;
  found: boolean;
  label: string;
}

export interface DrawnLink {
  a: string;
  b: string;
  width: number;
  level: "faint" | "plain" | "strong";
}

/** Everything that a drawing shows, in the order of importance. */
export interface Scene {
  words: DrawnWord[];
  links: DrawnLink[];
  /** Whether strong links are those of a focus; else they follow the mouse. */
  focused: boolean;
}

export interface Emphasis {
  focus: readonly string[];
  hover: string | null;
  brush: Brush | null;
  /** Links are drawn faint: the places of the words say something else. */
  quiet?: boolean;
}

/** How the words and links look. */
export function sceneOf(shown: Shown, emphasis: Emphasis, palette: Palette): Scene {
  const focus = new Set(emphasis.focus);
  const looked = focus.size ? focus : new Set(emphasis.hover ? [emphasis.hover] : []);
  const near = looked.size ? withNeighbors(looked, shown.links) : null;
  const most = Math.max(1, ...shown.words.map((one) => one.count));
  const words = shown.words.map((one) => {
    const focused = focus.has(one.word);
    const fill = focused ? palette.focus : tagColor(one.tag, palette);
    const found = shown.found?.has(one.word) ?? false;
    return {
      word: one.word,
      r: radius(one.count, most),
      fill,
      ink: textOn(fill),
      ring: emphasis.brush && brushedShare(one.scores, emphasis.brush),
      faint: near ? !near.has(one.word) : shown.found !== null && !found,
      focused,
      near: near !== null && near.has(one.word) && !focused,
      found,
      label: one.word,
    };
  });
  const widest = Math.max(1, ...shown.links.map((one) => one.count));
  const pair = focus.size > 1 ? pairsWithin(emphasis.focus) : null;
  const links = shown.links.map((one): DrawnLink => {
    const touched = looked.has(one.a) || looked.has(one.b);
    const strong = pair ? pair.has(pairName(one.a, one.b)) : touched;
    return {
      a: one.a,
      b: one.b,
      width: linkWidth(one.count, widest),
      level:
        looked.size === 0
          ? emphasis.quiet
            ? "faint"
            : "plain"
          : strong
            ? "strong"
            : touched
              ? "plain"
              : "faint",
    };
  });
  return { words, links, focused: focus.size > 0 };
}

/** The links that draw words together: a word's strongest, so that a dense graph still parts. */
export function springsOf(shown: Shown, perWord = 3): Spring[] {
  const counts = new Map(shown.words.map((one) => [one.word, one.count]));
  const springs = shown.links.map(({ a, b, count }) => ({
    a,
    b,
    strength: count / Math.sqrt((counts.get(a) ?? 1) * (counts.get(b) ?? 1)),
  }));
  springs.sort((one, other) => other.strength - one.strength);
  const used = new Map<string, number>();
  return springs.filter(({ a, b }) => {
    const kept = Math.min(used.get(a) ?? 0, used.get(b) ?? 0) < perWord;
    if (kept) for (const word of [a, b]) used.set(word, (used.get(word) ?? 0) + 1);
    return kept;
  });
}

function pairsWithin(words: readonly string[]): Set<string> {
  const pairs = new Set<string>();
  words.forEach((a, i) => words.slice(i + 1).forEach((b) => pairs.add(pairName(a, b))));
  return pairs;
}
