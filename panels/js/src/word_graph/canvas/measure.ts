import type { Measure } from "./painter";

/**
 * Measures texts once: canvas text measuring is slow.
 *
 * With an end of time, a text that is not known by then has no width for now.
 */
export class Measurer {
  private readonly known = new Map<string, number>();

  constructor(private readonly painter: CanvasRenderingContext2D | null) {}

  until(end: number): Measure {
    return (text, font) => {
      const key = `${font}\n${text}`;
      const known = this.known.get(key);
      if (known !== undefined) return known;
      if (performance.now() > end) return null;
      if (this.painter) this.painter.font = font;
      const width = this.painter?.measureText(text).width ?? text.length * 7;
      this.known.set(key, width);
      return width;
    };
  }
}
