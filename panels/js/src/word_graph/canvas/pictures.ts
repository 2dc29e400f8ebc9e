import type { Painter } from "./painter";
import { SvgPainter } from "./svg";

interface Size {
  width: number;
  height: number;
}

/** A drawing as an SVG file. */
export function svgPicture(
  { width, height }: Size,
  background: string,
  paint: (painter: Painter) => void,
  title: string,
): string {
  const painter = new SvgPainter(width, height, background);
  paint(painter);
  return painter.toString(title);
}

const FINER = 2;

/** A drawing as a PNG file, finer than on the screen. */
export function pngPicture(
  { width, height }: Size,
  background: string,
  paint: (painter: Painter) => void,
): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = width * FINER;
  canvas.height = height * FINER;
  const painter = canvas.getContext("2d");
  if (!painter) return Promise.reject(new Error("This browser cannot draw a PNG. Use SVG."));
  painter.scale(FINER, FINER);
  painter.fillStyle = background;
  painter.fillRect(0, 0, width, height);
  paint(painter);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) =>
      blob ? resolve(blob) : reject(new Error("The PNG could not be written. Use SVG.")),
    ),
  );
}
