import { BoxGrid } from "./boxes";
import { nodeScale, type Transform } from "./draw";
import type { Layout } from "./layout";
import { pairName } from "./selection";
import type { DrawnLink, DrawnWord, Scene } from "./scene";

// A handle is as large as there is room for.
const HANDLES = [10, 6, 3];
const LEAST_TARGET = 18;
// Places along a link where its handle may stand, the middle first.
const ALONG = Array.from(
  { length: 23 },
  (_, i) => 0.5 + (i % 2 ? 1 : -1) * Math.ceil(i / 2) * 0.038,
);

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

  constructor(root: HTMLElement) {
    this.pairLayer = root.ownerDocument.createElement("div");
    this.wordLayer = root.ownerDocument.createElement("div");
    for (const layer of [this.pairLayer, this.wordLayer]) {
      layer.className = "capviz-wg-layer";
      root.append(layer);
    }
  }

  /** Words and links as they are; elements of words that stay are kept, and with them the focus. */
  show(scene: Scene, layout: Layout, about: (word: DrawnWord) => string): void {
    this.links = scene.links;
    this.drawn = scene.words;
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
    keep(this.pairs, new Set(scene.links.map(({ a, b }) => pairName(a, b))));
    for (const { a, b } of scene.links) {
      const name = pairName(a, b);
      if (!this.pairs.has(name)) this.addPair(name);
    }
  }

  /** Words over their nodes; links too once nothing moves. */
  place(layout: Layout, transform: Transform, still: boolean): void {
    const scale = nodeScale(transform);
    this.settle();
    for (const word of this.drawn) {
      const body = layout.get(word.word);
      const element = this.words.get(word.word);
      if (!body || !element) continue;
      const size = Math.max(2 * word.r * scale, LEAST_TARGET);
      const x = body.x * transform.k + transform.x - size / 2;
      const y = body.y * transform.k + transform.y - size / 2;
      element.style.cssText = `width:${size}px;height:${size}px;transform:translate(${x}px,${y}px)`;
    }
    this.pairLayer.style.visibility = still ? "visible" : "hidden";
    if (still) this.placePairs(layout, transform, scale);
  }

  /** Follows a zoom without touching the elements; `place` comes after it. */
  follow(from: Transform, to: Transform): void {
    const k = to.k / from.k;
    const move = `translate(${to.x - from.x * k}px,${to.y - from.y * k}px) scale(${k})`;
    this.wordLayer.style.transform = move;
    this.pairLayer.style.transform = move;
  }

  /** The element of a word, to be given the keyboard. */
  element(word: string): HTMLElement | undefined {
    return this.words.get(word);
  }

  private settle(): void {
    this.wordLayer.style.transform = "";
    this.pairLayer.style.transform = "";
  }

  private placePairs(layout: Layout, transform: Transform, scale: number): void {
    const taken = new BoxGrid();
    for (const word of this.drawn) {
      const body = layout.get(word.word);
      if (!body) continue;
      const half = Math.max(word.r * scale, LEAST_TARGET / 2);
      taken.add(
        square(body.x * transform.k + transform.x, body.y * transform.k + transform.y, half),
      );
    }
    for (const { a, b } of this.links) {
      const from = layout.get(a);
      const to = layout.get(b);
      const element = this.pairs.get(pairName(a, b));
      if (!from || !to || !element) continue;
      const at = (share: number) => ({
        x: (from.x + (to.x - from.x) * share) * transform.k + transform.x,
        y: (from.y + (to.y - from.y) * share) * transform.k + transform.y,
      });
      const { x, y, size } = freePlace(at, taken);
      taken.add(square(x, y, size / 2));
      const move = `translate(${x - size / 2}px,${y - size / 2}px)`;
      element.style.cssText = `width:${size}px;height:${size}px;transform:${move}`;
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

function square(x: number, y: number, half: number) {
  return { left: x - half, top: y - half, right: x + half, bottom: y + half };
}
