import type { Palette } from "../../ui/palette";
import { Layout, type Spring } from "../graph/layout";
import { loadMemory, saveMemory, type Memory, type Viewport } from "../graph/memory";
import type { DrawnWord, Scene } from "../graph/scene";
import { drawGraph } from "./draw";
import { fitTransform } from "./fit";
import { PanZoom } from "./interaction";
import { Measurer } from "./measure";
import { Overlay } from "./overlay";
import { nodeScale, type Looks, type Painter, type Transform } from "./painter";
import { pngPicture, svgPicture } from "./pictures";
import { TextStamps, writeText } from "./textStamps";

/** Name of the measurements of one frame, from the forces to the overlay, in the browser's performance timeline. */
export const FRAME = "capviz-word-graph-frame";

/** Milliseconds of a frame for the forces, for new texts, and for the overlay at rest. */
const BUDGET = 2;
const OVERLAY_EVERY = 200;
const MEASURES_KEPT = 600;

/**
 * The moving picture: layout, canvas, overlay and gestures of one graph.
 *
 * Life cycle: made on its elements, given a memory (`open`), words (`setWords`) and looks
 * (`setScene`), ended by `destroy`. It draws only while something moves or has changed.
 */
export class GraphController {
  layout: Layout;
  private memory: Memory = { words: new Map(), viewport: null };
  private key = "";
  private shared = false;
  private readonly overlay: Overlay;
  private readonly panZoom: PanZoom;
  private scene: Scene = { words: [], links: [], focused: false };
  private transform: Transform = { x: 0, y: 0, k: 1 };
  private size = { width: 0, height: 0 };
  private palette: Palette | null = null;
  private about: (word: DrawnWord) => string = (word) => word.word;
  private follows = true;
  private frame = 0;
  private placedAt = 0;
  private zooming = false;
  private measured = 0;
  private ratio = 1;
  private readonly stamps = new TextStamps();
  private readonly measurer: Measurer;
  private readonly painter: CanvasRenderingContext2D | null;

  constructor(
    root: HTMLElement,
    private readonly canvas: HTMLCanvasElement,
    overlayRoot: HTMLElement,
    private readonly store: Storage | undefined,
  ) {
    this.layout = new Layout(this.memory);
    this.overlay = new Overlay(overlayRoot);
    this.painter = canvas.getContext("2d");
    this.measurer = new Measurer(this.painter);
    this.panZoom = new PanZoom(root, {
      placeOf: (word) => this.placeOf(word),
      dragged: (word, x, y) => this.drag(word, x, y),
      dropped: () => this.rest(),
      zoomed: (transform, byUser) => this.zoomed(transform, byUser),
      zoomEnded: () => this.zoomEnded(),
    });
  }

  /**
   * Positions and pins of this dataset and caption field.
   *
   * @param shared the memory of several graphs; what part of it each shows is not kept
   */
  open(key: string, shared?: Memory): void {
    if (key === this.key && (!shared || shared === this.memory)) return;
    this.keep();
    this.key = key;
    this.shared = shared !== undefined;
    this.memory = shared ?? loadMemory(this.store, key);
    this.layout = new Layout(this.memory);
    this.follows = true;
    const kept = this.viewport;
    if (kept && kept.width === this.size.width && kept.height === this.size.height) {
      this.follows = false;
      this.panZoom.set(kept);
    }
  }

  setWords(words: readonly DrawnWord[], springs: readonly Spring[]): void {
    const aspect = this.size.width / Math.max(this.size.height, 1) || 1;
    this.layout.update(words, springs, aspect);
    this.redraw();
  }

  setScene(scene: Scene, palette: Palette, about: (word: DrawnWord) => string): void {
    this.scene = scene;
    this.palette = palette;
    this.about = about;
    this.overlay.show(scene, this.layout, about);
    this.redraw();
  }

  resize(width: number, height: number): void {
    const before = this.size;
    if (width === before.width && height === before.height) return;
    this.size = { width, height };
    const ratio = (this.ratio = window.devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.painter?.setTransform(ratio, 0, 0, ratio, 0, 0);
    const kept = this.viewport;
    if (kept && kept.width === width && kept.height === height) {
      this.follows = false;
      this.panZoom.set(kept);
    } else if (this.follows || before.width < 2) {
      this.follows = true;
    } else {
      // What the user chose to look at stays in the middle.
      const { x, y, k } = this.transform;
      const [right, down] = [(width - before.width) / 2, (height - before.height) / 2];
      this.panZoom.set({ x: x + right, y: y + down, k });
    }
    this.redraw();
  }

  /** Shows all words. */
  fit(): void {
    this.follows = true;
    this.redraw();
  }

  zoomBy(factor: number): void {
    this.follows = false;
    this.panZoom.scaleBy(factor);
  }

  /** Looks for new places for all words but the pinned ones. */
  relayout(): void {
    this.layout.loosen();
    this.fit();
  }

  release(word: string): void {
    this.layout.release(word);
    this.overlay.show(this.scene, this.layout, this.about);
    this.keep();
    this.redraw();
  }

  togglePin(word: string): void {
    const body = this.layout.get(word);
    if (!body) return;
    if (body.pinned) this.release(word);
    else {
      this.layout.drag(word, body.x, body.y);
      this.rest();
    }
  }

  focusElement(word: string): void {
    this.overlay.element(word)?.focus({ preventScroll: true });
  }

  /** Where a word stands on the panel. */
  placeOf(word: string): { x: number; y: number; r: number } | null {
    const body = this.layout.get(word);
    if (!body) return null;
    const { x, y, k } = this.transform;
    return { x: body.x * k + x, y: body.y * k + y, r: body.r * nodeScale(this.transform) };
  }

  /** The picture as it is now, as an SVG file. */
  svg(title: string): string {
    return svgPicture(this.size, this.background, (painter) => this.paint(painter), title);
  }

  /** The picture as it is now, twice as fine, as a PNG file. */
  png(): Promise<Blob> {
    return pngPicture(this.size, this.background, (painter) => this.paint(painter));
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.keep();
    this.panZoom.destroy();
  }

  private drag(word: string, x: number, y: number): void {
    const { x: left, y: top, k } = this.transform;
    this.follows = false;
    this.layout.drag(word, (x - left) / k, (y - top) / k);
    this.redraw();
  }

  private rest(): void {
    this.overlay.show(this.scene, this.layout, this.about);
    this.keep();
    this.redraw();
  }

  private zoomed(transform: Transform, byUser: boolean): void {
    this.transform = transform;
    if (byUser) this.follows = false;
    this.zooming = byUser;
    this.redraw("later");
  }

  /** Fitting ends a zoom too, in every frame; only the user's leaves the overlay behind. */
  private zoomEnded(): void {
    if (!this.zooming) return;
    this.zooming = false;
    this.redraw();
  }

  /** Draws in the next frame; the overlay is placed then, or else when its time has come. */
  private redraw(overlay: "now" | "later" = "now"): void {
    if (overlay === "now") this.placedAt = 0;
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.step(now));
  }

  private step(now: number): void {
    this.frame = 0;
    const { width, height } = this.size;
    if (!this.palette || !this.painter || width < 2 || height < 2) return;
    const started = performance.now();
    const moved = this.layout.moving;
    while (this.layout.tick() && performance.now() - started < BUDGET);
    if (this.follows) this.fitNow();
    this.painter.clearRect(0, 0, width, height);
    this.paint(this.painter, moved ? this.moving(this.painter) : undefined);
    const settled = !moved && !this.zooming;
    if (settled || (this.overlay.inUse && now - this.placedAt > OVERLAY_EVERY)) {
      const done = this.overlay.place(this.layout, this.transform, settled, BUDGET);
      this.placedAt = now;
      if (!done) this.redraw("later");
    }
    this.note(started, performance.now());
    if (moved) this.redraw("later");
    if (moved && !this.layout.moving) this.keep();
  }

  /** How words are written that move: new ones appear as there is time for them. */
  private moving(painter: CanvasRenderingContext2D): Pick<Looks, "measure" | "write"> {
    const until = performance.now() + BUDGET;
    const write = this.stamps.writer(painter, this.ratio, until);
    return { measure: this.measurer.until(until), write };
  }

  private paint(painter: Painter, texts = this.atRest): void {
    if (!this.palette) return;
    const looks = { palette: this.palette, ...texts, width: this.size.width };
    drawGraph(painter, this.scene, this.layout, this.transform, looks);
  }

  private fitNow(): void {
    const { width } = this.size;
    const wanted = fitTransform(this.layout.bodies, this.size);
    if (!wanted) return;
    const { x, y, k } = this.transform;
    const change = Math.abs(wanted.k / k - 1) * width + Math.hypot(wanted.x - x, wanted.y - y);
    if (change < 0.05) return; // setting it would ask for another frame, and so on
    this.transform = wanted;
    this.panZoom.set(wanted);
  }

  private get atRest(): Pick<Looks, "measure" | "write"> {
    return { measure: this.measurer.until(Infinity), write: writeText };
  }

  private get viewport(): Viewport | null {
    return this.shared ? null : this.memory.viewport;
  }

  private get background(): string {
    return this.palette?.background ?? "#ffffff";
  }

  /** The user-timing entry that tests and the browser's profiler read. */
  private note(start: number, end: number): void {
    performance.measure?.(FRAME, { start, end });
    if (++this.measured % MEASURES_KEPT === 0) performance.clearMeasures(FRAME);
  }

  private keep(): void {
    if (!this.key) return;
    this.layout.remember();
    if (!this.shared) {
      this.memory.viewport = this.follows ? null : { ...this.transform, ...this.size };
    }
    saveMemory(this.store, this.key, this.memory);
  }
}
