import type { Layout } from "../graph/layout";
import type { DrawnWord } from "../graph/scene";
import { placeLabels } from "./labels";
import { nodeScale, type Looks, type Painter, type Text, type Transform } from "./painter";

const FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";

/** Writes the words that have room, the important ones first. */
export function drawLabels(
  painter: Painter,
  words: readonly DrawnWord[],
  layout: Layout,
  transform: Transform,
  { palette, measure, write, width }: Looks,
): void {
  const scale = nodeScale(transform);
  const order = words.flatMap((word) => {
    const body = layout.get(word.word);
    const size = fontSize(word);
    const font = fontOf(word, size);
    const width = measure(word.label, font);
    if (!body || width === null) return [];
    return {
      x: body.x * transform.k + transform.x,
      y: body.y * transform.k + transform.y,
      r: word.r * scale + (word.ring === null ? 0 : 5),
      room: word.r * scale,
      width,
      height: size + 2,
      must: word.focused || word.found,
      font,
      word,
    };
  });
  order.sort((a, b) => importance(b.word) - importance(a.word));
  const places = placeLabels(order, width);
  painter.textAlign = "center";
  painter.textBaseline = "middle";
  order.forEach(({ word, font, width, height }, i) => {
    const place = places[i];
    if (!place) return;
    const { x, y, inside } = place;
    const text: Text = {
      label: word.label,
      font,
      color: inside ? word.ink : word.focused ? palette.focus : palette.text,
      halo: inside ? null : palette.background,
      width,
      height,
    };
    painter.globalAlpha = word.faint ? 0.35 : 1;
    write(painter, text, x, y);
  });
}

function fontSize(word: DrawnWord): number {
  return Math.round(Math.min(10.5 + word.r / 7, 15));
}

function fontOf(word: DrawnWord, size: number): string {
  return `${word.focused || word.near || word.found || word.r > 14 ? 600 : 400} ${size}px ${FAMILY}`;
}

function importance(word: DrawnWord): number {
  return (word.focused ? 4 : 0) + (word.found ? 2 : 0) + (word.near ? 1 : 0) - (word.faint ? 3 : 0);
}
