/** Geometry of the chart of weight against the wanted word's probability. */

import { scaleLinear, scaleLog } from "d3-scale";
import type { Trial } from "../../payloads/caption_steering";

export interface ChartPoint {
  x: number;
  y: number;
  trial: Trial;
  index: number;
}

export interface ChartLayout {
  points: ChartPoint[];
  line: string;
  xTicks: { x: number; label: string }[];
  yTicks: { y: number; label: string }[];
}

export const MARGIN = { top: 10, right: 12, bottom: 22, left: 34 };

/** Places the trials; weights on a logarithmic axis, probabilities from 0 to 1. */
export function layoutChart(trials: Trial[], width: number, height: number): ChartLayout {
  const weights = trials.map((trial) => trial.weight);
  const x = scaleLog()
    .domain([Math.min(...weights), Math.max(...weights)])
    .range([MARGIN.left, width - MARGIN.right]);
  const y = scaleLinear()
    .domain([0, 1])
    .range([height - MARGIN.bottom, MARGIN.top]);
  const points = trials.map((trial, index) => ({
    x: weights.length > 1 ? x(trial.weight) : (MARGIN.left + width - MARGIN.right) / 2,
    y: y(trial.probability),
    trial,
    index,
  }));
  const line = points
    .map(({ x, y }, index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
  const shown = [1, 2, 4, 8, 20, 40].filter(
    (tick) => tick >= Math.min(...weights) && tick <= Math.max(...weights),
  );
  return {
    points,
    line,
    xTicks: shown.map((tick) => ({
      x: weights.length > 1 ? x(tick) : points[0].x,
      label: `×${tick}`,
    })),
    yTicks: [0, 0.5, 1].map((tick) => ({ y: y(tick), label: `${tick * 100}%` })),
  };
}
