import type { Measure } from "./draw";

/** Measures texts once: canvas text measuring is slow. */
export function measurer(painter: CanvasRenderingContext2D | null): Measure {
  const known = new Map<string, number>();
  return (text, font) => {
    const key = `${font}\n${text}`;
    let width = known.get(key);
    if (width === undefined) {
      if (painter) painter.font = font;
      width = painter ? painter.measureText(text).width : text.length * 7;
      known.set(key, width);
    }
    return width;
  };
}
