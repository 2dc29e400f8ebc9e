import type { Palette } from "../../ui/palette";

/** What the drawing needs of a canvas; an SVG file implements it too. */
export type Painter = Pick<
  CanvasRenderingContext2D,
  | "beginPath"
  | "moveTo"
  | "lineTo"
  | "arc"
  | "stroke"
  | "fill"
  | "fillText"
  | "strokeText"
  | "strokeStyle"
  | "fillStyle"
  | "lineWidth"
  | "globalAlpha"
  | "font"
  | "textAlign"
  | "textBaseline"
  | "lineJoin"
  | "lineCap"
>;

/** Place of the graph's origin on the panel, and its scale. */
export interface Transform {
  x: number;
  y: number;
  k: number;
}

/** Nodes grow slower than distances, so that zooming in parts them. */
export function nodeScale(transform: Transform): number {
  return Math.min(Math.max(Math.sqrt(transform.k), 0.45), 2.2);
}

/** Width in pixels of a text in a font; null where it is left out of this drawing. */
export type Measure = (text: string, font: string) => number | null;

/** A word as it is written. */
export interface Text {
  label: string;
  font: string;
  color: string;
  /** Color of the outline that parts it from what lies behind; null for none. */
  halo: string | null;
  width: number;
  height: number;
}

/** Writes a text around a place. */
export type Write = (painter: Painter, text: Text, x: number, y: number) => void;

/** Colors, how texts are measured and written, and the width of the panel. */
export interface Looks {
  palette: Palette;
  measure: Measure;
  write: Write;
  width: number;
}
