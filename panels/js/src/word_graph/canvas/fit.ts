import type { Body } from "../graph/layout";
import type { Transform } from "./painter";

const MARGIN = 30;
const SIDES = 60; // words beside the outermost nodes
const SCALES: readonly [number, number] = [0.15, 2];

/** The transform that shows all nodes, with room for labels; null without any node. */
export function fitTransform(
  bodies: readonly Pick<Body, "x" | "y" | "r">[],
  { width, height }: { width: number; height: number },
): Transform | null {
  if (!bodies.length) return null;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, r } of bodies) {
    left = Math.min(left, x - r);
    right = Math.max(right, x + r);
    top = Math.min(top, y - r);
    bottom = Math.max(bottom, y + r);
  }
  const wide = (width - 2 * MARGIN - SIDES) / (right - left);
  const high = (height - 2 * MARGIN) / (bottom - top);
  const k = Math.min(Math.max(Math.min(wide, high), SCALES[0]), SCALES[1]);
  return { x: width / 2 - (k * (left + right)) / 2, y: height / 2 - (k * (top + bottom)) / 2, k };
}
