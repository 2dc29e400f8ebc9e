import type { Palette } from "../../ui/palette";
import type { Layout } from "../graph/layout";
import type { DrawnLink, DrawnWord, Scene } from "../graph/scene";
import { drawLabels } from "./drawLabels";
import { nodeScale, type Looks, type Painter, type Transform } from "./painter";

const LEVELS: readonly DrawnLink["level"][] = ["faint", "plain", "strong"];
const TURN = 2 * Math.PI;
const TOP = -Math.PI / 2;

/** Draws the graph: links, nodes with their rings, labels. The same for the screen and for files. */
export function drawGraph(
  painter: Painter,
  scene: Scene,
  layout: Layout,
  transform: Transform,
  looks: Looks,
): void {
  const { palette } = looks;
  painter.lineJoin = "round";
  drawLinks(painter, scene, layout, transform, palette);
  painter.lineCap = "round";
  for (const faint of [true, false]) {
    for (let i = scene.words.length - 1; i >= 0; i--) {
      const word = scene.words[i];
      if (word.faint === faint) drawNode(painter, word, layout, transform, palette);
    }
  }
  drawLabels(painter, scene.words, layout, transform, looks);
  painter.globalAlpha = 1;
}

/** A stroke for each link: one path of thousands of crossing lines takes far longer to fill in. */
function drawLinks(
  painter: Painter,
  { links, focused }: Scene,
  layout: Layout,
  transform: Transform,
  palette: Palette,
): void {
  const accent = focused ? palette.focus : palette.text;
  const scale = nodeScale(transform);
  painter.lineCap = "butt"; // they end under their nodes
  for (const drawn of LEVELS) {
    painter.strokeStyle = drawn === "strong" ? accent : palette.muted;
    for (const { a, b, width, level } of links) {
      if (level !== drawn) continue;
      const from = layout.get(a);
      const to = layout.get(b);
      if (!from || !to) continue;
      const step = widthStep(width);
      painter.globalAlpha = { faint: 0.07, plain: Math.min(0.1 + 0.05 * step, 0.5), strong: 0.6 }[
        level
      ];
      painter.lineWidth = step * scale;
      painter.beginPath();
      painter.moveTo(from.x * transform.k + transform.x, from.y * transform.k + transform.y);
      painter.lineTo(to.x * transform.k + transform.x, to.y * transform.k + transform.y);
      painter.stroke();
    }
  }
}

function widthStep(width: number): number {
  return width < 2 ? Math.max(Math.round(width * 2) / 2, 0.5) : Math.round(width);
}

function drawNode(
  painter: Painter,
  word: DrawnWord,
  layout: Layout,
  transform: Transform,
  palette: Palette,
): void {
  const body = layout.get(word.word);
  if (!body) return;
  const x = body.x * transform.k + transform.x;
  const y = body.y * transform.k + transform.y;
  const r = word.r * nodeScale(transform);
  painter.globalAlpha = 1;
  disc(painter, x, y, r + 1.5, palette.background); // links end before the node
  painter.globalAlpha = word.faint ? 0.22 : 1;
  disc(painter, x, y, r, word.fill);
  if (word.ring !== null) drawRing(painter, x, y, r, word.ring, palette);
  if (word.focused || word.found) {
    painter.strokeStyle = word.focused ? palette.text : palette.accent;
    painter.lineWidth = 2;
    painter.beginPath();
    painter.arc(x, y, r + (word.ring === null ? 2 : 7), 0, TURN);
    painter.stroke();
  }
  if (body.pinned) {
    disc(painter, x + r * 0.72, y - r * 0.72, 4, palette.background);
    disc(painter, x + r * 0.72, y - r * 0.72, 2.8, palette.accent);
  }
}

/** The share, clockwise from the top, on a faint full ring. */
function drawRing(
  painter: Painter,
  x: number,
  y: number,
  r: number,
  share: number,
  palette: Palette,
): void {
  painter.lineWidth = 3.5;
  painter.strokeStyle = palette.line;
  painter.beginPath();
  painter.arc(x, y, r + 3.5, 0, TURN);
  painter.stroke();
  if (share <= 0) return;
  painter.strokeStyle = palette.accent;
  painter.beginPath();
  painter.arc(x, y, r + 3.5, TOP, TOP + TURN * Math.min(share, 1));
  painter.stroke();
}

function disc(painter: Painter, x: number, y: number, r: number, fill: string): void {
  painter.fillStyle = fill;
  painter.beginPath();
  painter.arc(x, y, r, 0, TURN);
  painter.fill();
}
