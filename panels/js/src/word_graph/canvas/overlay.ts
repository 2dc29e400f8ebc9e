import type { Layout } from "../graph/layout";
import type { DrawnLink, DrawnWord, Scene } from "../graph/scene";
import { pairName } from "../graph/selection";
import { BoxGrid } from "./boxes";
import { nodeScale, type Transform } from "./painter";
import { targetRadii, type Spot } from "./targets";

// A handle is as large as there is room for.
const HANDLES = [10, 6, 3];
// Places along a link where its handle may stand, the middle first.
const ALONG = Array.from(
  { length: 23 },
  (_, i) => 0.5 + (i % 2 ? 1 : -1) * Math.ceil(i / 2) * 0.038,
);

const AT_ONCE = 50;

interface Place extends Transform {
  layout: Layout;
  moves: number;
}

interface Placed extends Spot {
  word: string;
  /** Half of the side of its element. */
  target: number;
}

/**
 * Transparent elements over the canvas, one per word and link.
 *
 * They are what mouse, keyboard, screen reader and tests meet; the canvas is only a picture. Links
 * have a small handle, placed where no node and no other handle covers it.
 */
export class Overlay {
  private readonly words = new Map<string, HTMLElement>();
  private readonly pairs = new Map<string, HTMLElement>();
  private readonly wordLayer: HTMLElement;
  private readonly pairLayer: HTMLElement;
  private links: DrawnLink[] = [];
  private drawn: DrawnWord[] = [];
  // What the elements stand for; nothing is placed anew while it is the same.
  private wordsAt: Place | null = null;
  private pairsAt: Place | null = null;
  private pairsToPlace: Iterator<void> | null = null;

  constructor(private readonly root: HTMLElement) {
    this.pairLayer = root.ownerDocument.createElement("div");
    this.wordLayer = root.ownerDocument.createElement("div");
    for (const layer of [this.pairLayer, this.wordLayer]) {
      layer.className = "capviz-wg-layer";
      root.append(layer);
    }
  }

  /** Words and links as they are; elements of words that stay are kept, and with them the focus. */
  show(scene: Scene, layout: Layout, about: (word: DrawnWord) => string): void {
    const sameWords = alike(this.drawn, scene.words, ["word", "r"]);
    const sameLinks = alike(this.links, scene.links, ["a", "b"]);
    this.links = scene.links;
    this.drawn = scene.words;
    if (!sameWords) this.wordsAt = null;
    if (!sameWords || !sameLinks) this.pairsAt = this.pairsToPlace = null;
    keep(this.words, new Set(scene.words.map((one) => one.word)));
    scene.words.forEach((word, index) => {
      const element = this.words.get(word.word) ?? this.addWord(word.word);
      element.setAttribute("aria-label", about(word));
      element.setAttribute("aria-pressed", String(word.focused));
      element.dataset.pinned = String(layout.get(word.word)?.pinned ?? false);
      if (word.ring === null) delete element.dataset.ring;
      else element.dataset.ring = word.ring.toFixed(3);
      // One stop of the tab key for the graph; arrow keys go from word to word.
      element.tabIndex = index === 0 ? 0 : -1;
    });
    if (sameLinks) return; // a hover changes their looks, and there are thousands
    keep(this.pairs, new Set(scene.links.map(({ a, b }) => pairName(a, b))));
    for (const { a, b } of scene.links) {
      const name = pairName(a, b);
      if (!this.pairs.has(name)) this.addPair(name);
    }
  }

  /**
   * Words over their nodes; links too once nothing moves.
   *
   * Thousands of links take longer than a frame: false says that the next frame has to go on.
   */
  place(layout: Layout, transform: Transform, still: boolean, budget = Infinity): boolean {
    const place = { layout, moves: layout.moves, ...transform };
    const wordsStay = same(this.wordsAt, place);
    const pairsStay = !still || same(this.pairsAt, place);
    const spots = wordsStay && pairsStay ? [] : this.spots(layout, transform);
    if (!wordsStay) {
      this.placeWords(spots);
      this.wordsAt = place;
    }
    if (!pairsStay) {
      this.pairsToPlace = this.placePairs(layout, transform, spots);
      this.pairsAt = place;
    }
    if (!still && this.pairsToPlace) this.pairsAt = this.pairsToPlace = null;
    const end = performance.now() + budget;
    while (this.pairsToPlace && performance.now() < end) {
      if (this.pairsToPlace.next().done) this.pairsToPlace = null;
    }
    const done = still && !this.pairsToPlace;
    this.pairLayer.style.visibility = done ? "visible" : "hidden";
    return done || !still;
  }

  /** Whether the mouse or the keyboard is on it: only then is it worth following what moves. */
  get inUse(): boolean {
    return this.root.matches(":hover, :focus-within");
  }

  /** The element of a word, to be given the keyboard. */
  element(word: string): HTMLElement | undefined {
    return this.words.get(word);
  }

  private spots(layout: Layout, transform: Transform): Placed[] {
    const scale = nodeScale(transform);
    const placed = this.drawn.flatMap(({ word, r }) => {
      const body = layout.get(word);
      return body ? [{ word, ...at(body, transform), r: r * scale }] : [];
    });
    const targets = targetRadii(placed);
    return placed.map((one, i) => ({ ...one, target: targets[i] }));
  }

  private placeWords(spots: readonly Placed[]): void {
    for (const { word, x, y, target } of spots) {
      const element = this.words.get(word);
      if (element) element.style.cssText = boxStyle(x, y, target);
    }
  }

  /** Stops after every few links. */
  private *placePairs(
    layout: Layout,
    transform: Transform,
    spots: readonly Placed[],
  ): Iterator<void> {
    const taken = new BoxGrid();
    for (const { x, y, r, target } of spots) {
      taken.add(square(x, y, Math.max(r, target)));
    }
    for (const [i, { a, b }] of this.links.entries()) {
      if (i % AT_ONCE === AT_ONCE - 1) yield;
      const from = layout.get(a);
      const to = layout.get(b);
      const element = this.pairs.get(pairName(a, b));
      if (!from || !to || !element) continue;
      const along = (share: number) => {
        const x = from.x + (to.x - from.x) * share;
        const y = from.y + (to.y - from.y) * share;
        return at({ x, y }, transform);
      };
      const { x, y, size } = freePlace(along, taken);
      taken.add(square(x, y, size / 2));
      element.style.cssText = boxStyle(x, y, size / 2);
    }
  }

  private addWord(word: string): HTMLElement {
    const element = this.add(this.wordLayer, "capviz-wg-word");
    element.dataset.word = word;
    this.words.set(word, element);
    return element;
  }

  private addPair(name: string): HTMLElement {
    const element = this.add(this.pairLayer, "capviz-wg-pair");
    element.dataset.pair = name;
    element.tabIndex = -1;
    element.setAttribute("aria-label", name.split("|").join(" and "));
    this.pairs.set(name, element);
    return element;
  }

  private add(layer: HTMLElement, className: string): HTMLElement {
    const element = layer.ownerDocument.createElement("div");
    element.className = className;
    element.setAttribute("role", "button");
    layer.append(element);
    return element;
  }
}

/** The first place along a link that is free for a handle, the larger the better. */
function freePlace(at: (share: number) => { x: number; y: number }, taken: BoxGrid) {
  for (const size of HANDLES) {
    for (const share of ALONG) {
      const { x, y } = at(share);
      if (!taken.hits(square(x, y, size / 2), -1)) return { x, y, size };
    }
  }
  return { ...at(0.5), size: HANDLES[HANDLES.length - 1] };
}

function keep(elements: Map<string, HTMLElement>, names: ReadonlySet<string>): void {
  for (const [name, element] of elements) {
    if (names.has(name)) continue;
    element.remove();
    elements.delete(name);
  }
}

/** Whether two lists name the same, in the same order. */
function alike<Item>(one: readonly Item[], other: readonly Item[], keys: (keyof Item)[]): boolean {
  return (
    one.length === other.length &&
    one.every((item, i) => keys.every((key) => item[key] === other[i][key]))
  );
}

function same(one: Place | null, other: Place): boolean {
  return (
    one !== null &&
    one.layout === other.layout &&
    one.moves === other.moves &&
    one.k === other.k &&
    one.x === other.x &&
    one.y === other.y
  );
}

/** Where a place of the graph is on the panel. */
function at({ x, y }: { x: number; y: number }, transform: Transform) {
  return { x: x * transform.k + transform.x, y: y * transform.k + transform.y };
}

function boxStyle(x: number, y: number, half: number): string {
  const size = 2 * half;
  return `width:${size}px;height:${size}px;transform:translate(${x - half}px,${y - half}px)`;
}

function square(x: number, y: number, half: number) {
  return { left: x - half, top: y - half, right: x + half, bottom: y + half };
}
