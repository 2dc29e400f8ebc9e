import * as React from "react";
import type { SearchPayload, Trial } from "../../payloads/caption_steering";
import { layoutChart, MARGIN } from "../model/chart";
import { formatWeight } from "../model/weight";

const WIDTH = 420;
const HEIGHT = 150;

/** Weight against the probability of the wanted word; a click takes the weight. */
export function WeightChart(props: { search: SearchPayload; onTake: (trial: Trial) => void }) {
  const { search } = props;
  const [hot, setHot] = React.useState<number | null>(null);
  const layout = React.useMemo(() => layoutChart(search.trials, WIDTH, HEIGHT), [search]);
  const shown = search.trials[hot ?? search.best ?? 0];
  return (
    <figure style={{ margin: "8px 0 0" }} data-cy="capviz-weight-chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        style={{ width: "100%", maxWidth: 560, display: "block" }}
        role="group"
        aria-label={`Probability of “${search.word}” for each weight`}
      >
        {layout.yTicks.map(({ y, label }) => (
          <g key={label}>
            <line
              x1={MARGIN.left}
              x2={WIDTH - MARGIN.right}
              y1={y}
              y2={y}
              stroke="var(--capviz-line)"
            />
            <text
              x={MARGIN.left - 5}
              y={y + 3}
              textAnchor="end"
              fontSize={9}
              fill="var(--capviz-muted)"
            >
              {label}
            </text>
          </g>
        ))}
        {layout.xTicks.map(({ x, label }) => (
          <text
            key={label}
            x={x}
            y={HEIGHT - 7}
            textAnchor="middle"
            fontSize={9}
            fill="var(--capviz-muted)"
          >
            {label}
          </text>
        ))}
        <path d={layout.line} fill="none" stroke="var(--capviz-muted)" strokeWidth={1.2} />
        {layout.points.map(({ x, y, trial, index }) => (
          <circle
            key={index}
            cx={x}
            cy={y}
            r={index === search.best ? 6.5 : 4.5}
            fill={trial.says_word ? "var(--capviz-accent)" : "var(--capviz-raised)"}
            stroke={trial.accepted ? "var(--capviz-good)" : "var(--capviz-muted)"}
            strokeWidth={index === search.best ? 3 : 1.5}
            style={{ cursor: "pointer" }}
            tabIndex={0}
            role="button"
            aria-label={`Weight ${formatWeight(trial.weight)}: ${percent(trial)}, ${trial.attempt.text}`}
            onPointerEnter={() => setHot(index)}
            onPointerLeave={() => setHot(null)}
            onFocus={() => setHot(index)}
            onBlur={() => setHot(null)}
            onClick={() => props.onTake(trial)}
            onKeyDown={(event) => {
              if (event.key === "Enter" || event.key === " ") props.onTake(trial);
            }}
          />
        ))}
      </svg>
      <figcaption className="capviz-small capviz-muted">
        <b style={{ color: "var(--capviz-text)" }}>×{formatWeight(shown.weight)}</b>{" "}
        {percent(shown)} · {shown.attempt.text}
      </figcaption>
    </figure>
  );
}

function percent(trial: Trial): string {
  return `${Math.round(trial.probability * 100)} %`;
}
