import type { Text, Write } from "./painter";

const HALO = 3;

export const writeText: Write = (painter, { label, font, color, halo }, x, y) => {
  painter.font = font;
  if (halo) {
    painter.strokeStyle = halo;
    painter.lineWidth = HALO;
    painter.strokeText(label, x, y);
  }
  painter.fillStyle = color;
  painter.fillText(label, x, y + 0.5);
};

const SIDE = 1024;

/**
 * Texts written once and then copied: writing is what takes longest in a frame.
 *
 * Copies stand on whole pixels and are not as crisp as text, so they are for words that move.
 */
export class TextStamps {
  private stamps = new Map<string, { x: number; y: number }>();
  private readonly canvas = document.createElement("canvas");
  private readonly painter = this.canvas.getContext("2d");
  private next = { x: 0, y: 0, row: 0 };
  private ratio = 0;

  /**
   * Writes on a canvas that has so many pixels per CSS pixel.
   *
   * Texts that are not on the sheet at that time are written without their outline for now.
   */
  writer(target: CanvasRenderingContext2D, ratio: number, until: number): Write {
    if (ratio !== this.ratio) this.clear(ratio);
    return (painter, text, x, y) => {
      const [width, height] = [text.width + 2 * HALO, text.height + 2 * HALO].map((one) =>
        Math.ceil(one * ratio),
      );
      const place = this.place(text, width, height, until);
      if (!place) return writeText(painter, { ...text, halo: null }, x, y);
      const left = Math.round(x * ratio - width / 2) / ratio;
      const top = Math.round(y * ratio - height / 2) / ratio;
      const size = [width / ratio, height / ratio] as const;
      target.drawImage(this.canvas, place.x, place.y, width, height, left, top, ...size);
    };
  }

  /** Where the text stands on the sheet, written there if it is new and there is time. */
  private place(text: Text, width: number, height: number, until: number) {
    const key = `${text.label}\n${text.font}\n${text.color}\n${text.halo}`;
    const known = this.stamps.get(key);
    if (known) return known;
    if (!this.painter || performance.now() > until) return null;
    if (this.next.x + width > this.canvas.width) {
      this.next = { x: 0, y: this.next.y + this.next.row, row: 0 };
    }
    if (this.next.y + height > this.canvas.height) this.clear(this.ratio);
    const { x, y } = this.next;
    this.stamps.set(key, { x, y });
    this.next = { x: x + width, y, row: Math.max(this.next.row, height) };
    const { ratio } = this;
    writeText(this.painter, text, (x + width / 2) / ratio, (y + height / 2) / ratio);
    return { x, y };
  }

  /** An empty sheet. */
  private clear(ratio: number): void {
    this.ratio = ratio;
    this.canvas.width = this.canvas.height = SIDE * ratio;
    this.stamps.clear();
    this.next = { x: 0, y: 0, row: 0 };
    if (!this.painter) return;
    this.painter.scale(ratio, ratio);
    this.painter.textAlign = "center";
    this.painter.textBaseline = "middle";
    this.painter.lineJoin = "round";
  }
}
