/** Draws a card's pictures: the segment lit on its image, and the heat of a word. */
import { enlarge } from "../../heat/enlarge";
import { pixelsOf, rampColor } from "../../heat/scale";
import type { Card } from "../../payloads/segment_gallery";
import { contain } from "../model/layout";
import type { Picture } from "./pictures";

const DIMMED = "rgba(8, 10, 14, 0.68)";
const HEAT_SIDE = 112;

export interface Outline {
  card: Card;
  mask: HTMLImageElement | null;
  color: string;
}

/** The segment as it is; all else dimmed; a line around it. */
export function paintSegment(canvas: HTMLCanvasElement, picture: Picture, outline: Outline): void {
  const context = prepared(canvas);
  if (!context) return;
  const place = contain(picture.aspect, canvas.width, canvas.height);
  context.drawImage(picture.canvas, ...place);
  const shade = layer(canvas);
  const shading = shade.getContext("2d");
  if (!shading) return;
  shading.fillStyle = DIMMED;
  shading.fillRect(...place);
  shading.globalCompositeOperation = "destination-out";
  shading.drawImage(silhouette(canvas, place, outline, "#000"), 0, 0);
  context.drawImage(shade, 0, 0);
  paintOutline(context, canvas, place, outline);
}

/** The image in grey, the map of a word over it, a line around the segment. */
export function paintHeat(
  canvas: HTMLCanvasElement,
  picture: Picture,
  outline: Outline,
  heat: { map: Float32Array; grid: number } | null,
): void {
  const context = prepared(canvas);
  if (!context) return;
  const place = contain(picture.aspect, canvas.width, canvas.height);
  context.filter = "grayscale(0.75) brightness(0.82)";
  context.drawImage(picture.canvas, ...place);
  context.filter = "none";
  const drawn = heat && heatCanvas(heat.map, heat.grid, picture.aspect);
  if (drawn) context.drawImage(drawn, ...place);
  paintOutline(context, canvas, place, outline, 0.85);
}

function heatCanvas(map: Float32Array, grid: number, aspect: number): HTMLCanvasElement | null {
  const width = Math.max(grid, Math.round(HEAT_SIDE * Math.min(1, aspect)));
  const height = Math.max(grid, Math.round(HEAT_SIDE / Math.max(1, aspect)));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pixels = pixelsOf(rampColor, enlarge(map, grid, width, height));
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

function prepared(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const context = canvas.getContext("2d");
  if (!context) return null;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  return context;
}

function layer(like: HTMLCanvasElement): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = like.width;
  canvas.height = like.height;
  return canvas;
}

/** The segment's shape in one color, at the size of the canvas. */
function silhouette(
  canvas: HTMLCanvasElement,
  place: [number, number, number, number],
  outline: Outline,
  color: string,
): HTMLCanvasElement {
  const shape = layer(canvas);
  const context = shape.getContext("2d");
  if (!context) return shape;
  const [left, top, width, height] = place;
  const [x, y, across, down] = outline.card.box;
  const target: [number, number, number, number] = [
    left + x * width,
    top + y * height,
    across * width,
    down * height,
  ];
  context.fillStyle = color;
  if (!outline.mask) {
    context.fillRect(...target);
    return shape;
  }
  context.drawImage(outline.mask, ...target);
  context.globalCompositeOperation = "source-in";
  context.fillRect(0, 0, shape.width, shape.height);
  return shape;
}

/** A dark and a bright ring around the segment, so that it is seen on any image. */
function paintOutline(
  context: CanvasRenderingContext2D,
  canvas: HTMLCanvasElement,
  place: [number, number, number, number],
  outline: Outline,
  opacity = 1,
): void {
  const unit = Math.max(1, canvas.width / 180);
  context.save();
  context.globalAlpha = opacity;
  context.beginPath();
  context.rect(...place);
  context.clip();
  for (const [width, color] of [
    [1.7 * unit, "rgba(0, 0, 0, 0.6)"],
    [0.9 * unit, outline.color],
  ] as const) {
    context.drawImage(ring(canvas, place, outline, color, width), 0, 0);
  }
  context.restore();
}

function ring(
  canvas: HTMLCanvasElement,
  place: [number, number, number, number],
  outline: Outline,
  color: string,
  width: number,
): HTMLCanvasElement {
  const shape = silhouette(canvas, place, outline, color);
  const grown = layer(canvas);
  const context = grown.getContext("2d");
  if (!context) return grown;
  for (let i = 0; i < 16; i++) {
    const angle = (i * Math.PI) / 8;
    context.drawImage(shape, width * Math.cos(angle), width * Math.sin(angle));
  }
  context.globalCompositeOperation = "destination-out";
  context.drawImage(shape, 0, 0);
  return grown;
}
