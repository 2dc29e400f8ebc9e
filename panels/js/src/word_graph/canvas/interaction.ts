import { drag, type D3DragEvent } from "d3-drag";
import { select } from "d3-selection";
import { zoom, zoomIdentity, type D3ZoomEvent, type ZoomBehavior } from "d3-zoom";
import type { Transform } from "./painter";

export interface Gestures {
  /** Where a word stands on the panel. */
  placeOf(word: string): { x: number; y: number } | null;
  dragged(word: string, x: number, y: number): void;
  dropped(word: string): void;
  zoomed(transform: Transform, byUser: boolean): void;
  zoomEnded(): void;
}

type Root = HTMLElement;

/** The zoom behavior of an element whose words can be dragged. */
export class PanZoom {
  private readonly behavior: ZoomBehavior<Root, unknown>;

  constructor(
    private readonly root: Root,
    gestures: Gestures,
  ) {
    let moved = false;
    const dragging = drag<Root, unknown>()
      .clickDistance(4)
      .filter(
        (event: MouseEvent) => !event.ctrlKey && !event.button && wordAt(event.target) !== null,
      )
      .subject((event: D3DragEvent<Root, unknown, unknown>) => {
        const word = wordAt((event.sourceEvent as Event).target) ?? "";
        return { ...(gestures.placeOf(word) ?? { x: event.x, y: event.y }), word };
      })
      .on("start", () => {
        moved = false;
      })
      .on("drag", (event: D3DragEvent<Root, unknown, { word: string }>) => {
        // A shaky click is no drag: it must not pin the word.
        const start = gestures.placeOf(event.subject.word);
        if (!moved && start && Math.hypot(event.x - start.x, event.y - start.y) < 4) return;
        moved = true;
        gestures.dragged(event.subject.word, event.x, event.y);
      })
      .on("end", (event: D3DragEvent<Root, unknown, { word: string }>) => {
        if (moved) gestures.dropped(event.subject.word);
      });
    this.behavior = zoom<Root, unknown>()
      .scaleExtent([0.15, 8])
      .clickDistance(4)
      .on("zoom", (event: D3ZoomEvent<Root, unknown>) => {
        const { x, y, k } = event.transform;
        gestures.zoomed({ x, y, k }, Boolean(event.sourceEvent));
      })
      .on("end", () => gestures.zoomEnded());
    // The drag comes first: it keeps what it takes from the zoom.
    select(root).call(dragging).call(this.behavior).on("dblclick.zoom", null);
  }

  set(transform: Transform): void {
    const { x, y, k } = transform;
    this.behavior.transform(select(this.root), zoomIdentity.translate(x, y).scale(k));
  }

  scaleBy(factor: number): void {
    this.behavior.scaleBy(select(this.root), factor);
  }

  destroy(): void {
    select(this.root).on(".drag", null).on(".zoom", null);
  }
}

/** The word of the element that an event hit. */
export function wordAt(target: EventTarget | null): string | null {
  return target instanceof Element
    ? ((target.closest("[data-word]") as HTMLElement | null)?.dataset.word ?? null)
    : null;
}

/** The pair of the element that an event hit. */
export function pairAt(target: EventTarget | null): [string, string] | null {
  if (!(target instanceof Element)) return null;
  const name = (target.closest("[data-pair]") as HTMLElement | null)?.dataset.pair;
  const at = name?.indexOf("|") ?? -1;
  return name && at > 0 ? [name.slice(0, at), name.slice(at + 1)] : null;
}

interface Place {
  x: number;
  y: number;
}

/** The word next to one in a direction of the arrow keys; null where there is none. */
export function wordTowards(
  from: Place,
  key: string,
  places: Iterable<readonly [string, Place]>,
): string | null {
  const direction = ARROWS[key];
  if (!direction) return null;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [word, place] of places) {
    const dx = place.x - from.x;
    const dy = place.y - from.y;
    const ahead = dx * direction.x + dy * direction.y;
    if (ahead <= 1) continue;
    const aside = Math.abs(dx * direction.y) + Math.abs(dy * direction.x);
    const cost = ahead + 2 * aside;
    if (cost < least) {
      least = cost;
      best = word;
    }
  }
  return best;
}

const ARROWS: Record<string, Place | undefined> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
