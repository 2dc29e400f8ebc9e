import * as React from "react";
import { enlarge } from "./enlarge";
import { pixelsOf, signedColor } from "./scale";

export interface HeatCanvasProps {
  heat: Float32Array;
  peak: number;
  grid: number;
  /** Left, top, width, height of what the grid shows, as shares of the image. */
  crop: [number, number, number, number];
  blocks: boolean;
  faded: boolean;
}

const SMOOTH_SIDE = 224;

/** The heat over the part of the image that the grid shows. */
export function HeatCanvas(props: HeatCanvasProps): React.ReactElement {
  const { heat, peak, grid, crop, blocks } = props;
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const side = blocks ? grid : Math.max(grid, SMOOTH_SIDE);
  React.useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || typeof ImageData === "undefined") return;
    const values = blocks ? heat : enlarge(heat, grid, side, side);
    context.putImageData(new ImageData(pixelsOf(signedColor, values, peak), side, side), 0, 0);
  }, [heat, peak, grid, blocks, side]);
  const [left, top, width, height] = crop.map((share) => `${100 * share}%`);
  return (
    <canvas
      ref={canvas}
      width={side}
      height={side}
      aria-hidden
      style={{
        left,
        top,
        width,
        height,
        opacity: props.faded ? 0.35 : 1,
        imageRendering: blocks ? "pixelated" : "auto",
      }}
    />
  );
}
