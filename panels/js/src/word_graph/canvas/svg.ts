import type { Painter } from "./painter";

type Style = string | CanvasGradient | CanvasPattern;

/** A canvas that writes an SVG file: the drawing does not know the difference. */
export class SvgPainter implements Painter {
  strokeStyle: Style = "#000000";
  fillStyle: Style = "#000000";
  lineWidth = 1;
  globalAlpha = 1;
  font = "12px sans-serif";
  textAlign: CanvasTextAlign = "center";
  textBaseline: CanvasTextBaseline = "middle";
  lineJoin: CanvasLineJoin = "round";
  lineCap: CanvasLineCap = "round";
  private path = "";
  private readonly parts: string[] = [];

  constructor(
    private readonly width: number,
    private readonly height: number,
    private readonly background: string,
  ) {}

  beginPath(): void {
    this.path = "";
  }

  moveTo(x: number, y: number): void {
    this.path += `M${round(x)} ${round(y)}`;
  }

  lineTo(x: number, y: number): void {
    this.path += `L${round(x)} ${round(y)}`;
  }

  arc(x: number, y: number, r: number, start: number, end: number): void {
    const turn = Math.min(end - start, 2 * Math.PI);
    const at = (angle: number) =>
      `${round(x + r * Math.cos(angle))} ${round(y + r * Math.sin(angle))}`;
    const size = `${round(r)} ${round(r)} 0`;
    // An arc from a point to the same point is nothing in SVG: a full circle takes two.
    if (turn > 2 * Math.PI - 1e-6) {
      const half = start + Math.PI;
      this.path += `M${at(start)}A${size} 1 1 ${at(half)}A${size} 1 1 ${at(start)}`;
      return;
    }
    this.path += `M${at(start)}A${size} ${turn > Math.PI ? 1 : 0} 1 ${at(end)}`;
  }

  stroke(): void {
    if (!this.path) return;
    this.parts.push(`<path d="${this.path}" fill="none" ${this.line()}/>`);
  }

  fill(): void {
    if (!this.path) return;
    this.parts.push(`<path d="${this.path}" fill="${this.fillStyle}"${this.opacity()}/>`);
  }

  fillText(text: string, x: number, y: number): void {
    this.write(text, x, y, `fill="${this.fillStyle}"${this.opacity()}`);
  }

  strokeText(text: string, x: number, y: number): void {
    this.write(text, x, y, `fill="none" ${this.line()}`);
  }

  /** The file. */
  toString(title: string): string {
    const size = `width="${this.width}" height="${this.height}"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${this.width} ${this.height}">`,
      `<title>${escaped(title)}</title>`,
      `<rect width="100%" height="100%" fill="${this.background}"/>`,
      ...this.parts,
      "</svg>",
      "",
    ].join("\n");
  }

  private write(text: string, x: number, y: number, look: string): void {
    const font = this.font.match(/^(\d+) (\d+)px (.*)$/);
    const [weight, size, family] = font ? font.slice(1) : ["400", "12", "sans-serif"];
    const type = `font-family="${escaped(family)}" font-size="${size}" font-weight="${weight}"`;
    this.parts.push(
      `<text x="${round(x)}" y="${round(y)}" ${type} text-anchor="middle" ` +
        `dominant-baseline="central" ${look}>${escaped(text)}</text>`,
    );
  }

  private line(): string {
    const shape = `stroke-linecap="${this.lineCap}" stroke-linejoin="${this.lineJoin}"`;
    const alpha = this.globalAlpha < 1 ? ` stroke-opacity="${round(this.globalAlpha)}"` : "";
    return `stroke="${this.strokeStyle}" stroke-width="${round(this.lineWidth)}" ${shape}${alpha}`;
  }

  private opacity(): string {
    return this.globalAlpha < 1 ? ` fill-opacity="${round(this.globalAlpha)}"` : "";
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Text as XML holds it; characters that XML has no way to write are replaced. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
