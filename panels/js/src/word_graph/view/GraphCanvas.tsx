import * as React from "react";
import type { Palette } from "../../ui/palette";
import { GraphController } from "../canvas/controller";
import { nearestLink } from "../canvas/hit";
import { pairAt, wordAt, wordTowards } from "../canvas/interaction";
import type { Spring } from "../graph/layout";
import type { Memory } from "../graph/memory";
import type { DrawnWord, Scene } from "../graph/scene";
import { browserStore } from "./browserStore";

export interface GraphCanvasProps {
  /** Whose positions: dataset and caption field. */
  memory: string;
  /** The memory itself, where another graph shows the same words. */
  places?: Memory;
  scene: Scene;
  springs: readonly Spring[];
  palette: Palette;
  label: string;
  about: (word: DrawnWord) => string;
  onWord: (word: string, several: boolean) => void;
  onPair: (a: string, b: string) => void;
  onHover: (word: string | null) => void;
  /** A right click on a word, at this place of the graph; undefined where nothing is offered. */
  onMenu?: (word: string, x: number, y: number) => void;
  onReady?: (controller: GraphController | null) => void;
}

const DOUBLE_CLICK = 400;

/** The graph: a canvas, and over it elements for words and links. */
export function GraphCanvas(props: GraphCanvasProps) {
  const root = React.useRef<HTMLDivElement>(null);
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const overlay = React.useRef<HTMLDivElement>(null);
  const latest = React.useRef(props);
  latest.current = props;
  const controller = useController({ root, canvas, overlay }, props, latest);
  const click = useClick(root, controller, latest);
  return (
    <div
      ref={root}
      className="capviz-wg-graph"
      data-cy="capviz-graph-canvas"
      role="group"
      aria-label={props.label}
      onClick={click}
      onDoubleClick={(event) => {
        const word = wordAt(event.target);
        const made = controller.current;
        if (word !== null && made?.layout.get(word)?.pinned) made.release(word);
      }}
      onContextMenu={(event) => {
        const word = wordAt(event.target);
        const box = root.current?.getBoundingClientRect();
        if (word === null || !box || !props.onMenu) return;
        event.preventDefault();
        props.onMenu(word, event.clientX - box.left, event.clientY - box.top);
      }}
      onMouseOver={(event) => props.onHover(wordAt(event.target))}
      onMouseLeave={() => props.onHover(null)}
      onKeyDown={(event) => press(event, controller.current, props)}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div ref={overlay} className="capviz-wg-overlay" />
    </div>
  );
}

type Latest = React.MutableRefObject<GraphCanvasProps>;
type Controller = React.MutableRefObject<GraphController | null>;

interface Elements {
  root: React.RefObject<HTMLDivElement>;
  canvas: React.RefObject<HTMLCanvasElement>;
  overlay: React.RefObject<HTMLDivElement>;
}

/** What moves and draws the graph; made on its elements, and told of what changes. */
function useController(
  { root, canvas, overlay }: Elements,
  { memory, places, scene, springs, palette, about, onReady }: GraphCanvasProps,
  latest: Latest,
): Controller {
  const controller: Controller = React.useRef(null);
  React.useEffect(() => {
    if (!root.current || !canvas.current || !overlay.current) return undefined;
    const element = root.current;
    const made = new GraphController(element, canvas.current, overlay.current, browserStore());
    controller.current = made;
    onReady?.(made);
    const fitSize = () => made.resize(element.clientWidth, element.clientHeight);
    const observer = new ResizeObserver(fitSize);
    observer.observe(element);
    fitSize();
    return () => {
      observer.disconnect();
      made.destroy();
      onReady?.(null);
    };
  }, [root, canvas, overlay, onReady]);

  const words = scene.words.map((one) => `${one.word}:${one.r.toFixed(1)}`).join(" ");
  React.useEffect(() => {
    controller.current?.open(memory, places);
    controller.current?.setWords(latest.current.scene.words, springs);
  }, [memory, places, words, springs, latest]);

  React.useEffect(() => {
    controller.current?.setScene(scene, palette, about);
  }, [scene, palette, about]);
  return controller;
}

/** What a click means: a word, a link, or nothing. */
function useClick(
  root: React.RefObject<HTMLElement>,
  controller: Controller,
  latest: Latest,
): (event: React.MouseEvent) => void {
  const answer = React.useRef<ReturnType<typeof setTimeout>>();
  React.useEffect(() => () => clearTimeout(answer.current), []);
  const linkUnder = (event: React.MouseEvent): [string, string] | null => {
    const made = controller.current;
    if (!made || !root.current) return null;
    const box = root.current.getBoundingClientRect();
    const place = { x: event.clientX - box.left, y: event.clientY - box.top };
    return nearestLink(place, latest.current.scene.links, (word) => made.placeOf(word));
  };
  return (event) => {
    const word = wordAt(event.target);
    const pair = pairAt(event.target) ?? linkUnder(event);
    const several = event.shiftKey;
    clearTimeout(answer.current);
    if (word !== null) {
      if (event.detail > 1) return; // of a double click, one is enough
      // A double click releases a pinned word and changes nothing else: wait whether it is one.
      if (!controller.current?.layout.get(word)?.pinned) latest.current.onWord(word, several);
      else answer.current = setTimeout(() => latest.current.onWord(word, several), DOUBLE_CLICK);
    } else if (pair) latest.current.onPair(...pair);
  };
}

function isMenuKey(event: React.KeyboardEvent): boolean {
  return event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
}

/** What a key means: Enter what a click does, arrows another word, and what the toolbar offers. */
function press(
  event: React.KeyboardEvent,
  made: GraphController | null,
  { scene, onWord, onPair, onMenu }: GraphCanvasProps,
): void {
  const word = wordAt(event.target);
  const pair = pairAt(event.target);
  if (event.key === "Enter" || event.key === " ") {
    if (word !== null) onWord(word, event.shiftKey);
    else if (pair) onPair(...pair);
    else return;
  } else if (isMenuKey(event) && word !== null && onMenu) {
    const place = made?.placeOf(word);
    onMenu(word, place?.x ?? 0, place?.y ?? 0);
  } else if (event.key === "p" && word !== null) made?.togglePin(word);
  else if (event.key === "+" || event.key === "=") made?.zoomBy(1.3);
  else if (event.key === "-") made?.zoomBy(1 / 1.3);
  else if (event.key === "0") made?.fit();
  else if (made && word !== null && event.key.startsWith("Arrow")) {
    const others = scene.words.flatMap(({ word: name }) => {
      const place = made.placeOf(name);
      return place && name !== word ? [[name, place] as const] : [];
    });
    const from = made.placeOf(word);
    const next = from && wordTowards(from, event.key, others);
    if (next !== null && next !== undefined) made.focusElement(next);
  } else return;
  event.preventDefault();
  event.stopPropagation(); // the App has shortcuts of its own
}
