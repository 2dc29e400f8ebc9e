import type { Palette } from "../shared/palette";
import { nodeScale, type Looks, type Painter, type Transform } from "./draw";
import type { Layout } from "./layout";
import { placeLabels, type LabelPlace } from "./labels";
import type { DrawnWord } from "./scene";

const FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";

/** Writes the words that have room, the important ones first. */
export function drawLabels(
  painter: Painter,
  words: readonly DrawnWord[],
  layout: Layout,
  transform: Transform,
  { palette, measure, width }: Looks,
): void {
  const scale = nodeScale(transform);
  const asked = words.map((word) => {
    const body = layout.get(word.word);
    const size = fontSize(word);
    const font = fontOf(word, size);
    return {
      x: (body?.x ?? 0) * transform.k + transform.x,
      y: (body?.y ?? 0) * transform.k + transform.y,
      r: word.r * scale + (word.ring === null ? 0 : 5),
      room: word.r * scale,
      width: measure(word.label, font),
      height: size + 2,
      must: word.focused || word.found,
      font,
      word,
    };
  });
  const order = asked
    .map((one, index) => ({ one, index }))
    .filter(({ one }) => layout.get(one.word.word))
    .sort((a, b) => importance(b.one.word) - importance(a.one.word) || a.index - b.index)
    .map(({ one }) => one);
  const places = placeLabels(order, width);
  painter.textAlign = "center";
  painter.textBaseline = "middle";
  order.forEach((one, i) => {
    const place = places[i];
    if (place) drawLabel(painter, one.word, place, one.font, palette);
  });
}

function drawLabel(
  painter: Painter,
  word: DrawnWord,
  place: LabelPlace,
  font: string,
  palette: Palette,
): void {
  painter.font = font;
  painter.globalAlpha = word.faint ? 0.35 : 1;
  if (!place.inside) {
    painter.strokeStyle = palette.background;
    painter.lineWidth = 3;
    painter.strokeText(word.label, place.x, place.y);
  }
  painter.fillStyle = place.inside ? word.ink : word.focused ? palette.focus : palette.text;
  painter.fillText(word.label, place.x, place.y + 0.5);
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
