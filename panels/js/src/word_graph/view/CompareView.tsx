import * as React from "react";
import type { Palette } from "../../ui/palette";
import { percent } from "../graph/about";
import { SIDES, oddsColor } from "../graph/colors";
import {
  comparedSprings,
  fullOdds,
  placeWords,
  sideScene,
  typicalWords,
  type SideName,
} from "../graph/compareScene";
import { browserStore } from "./browserStore";
import { GraphCanvas } from "./GraphCanvas";
import type { Memory } from "../graph/memory";
import type { ComparePayload } from "../../payloads/word_graph";
import type { DrawnWord } from "../graph/scene";

export interface CompareViewProps {
  comparison: ComparePayload;
  /** Where the words of the graph have their places. */
  memory: string;
  focus: readonly string[];
  palette: Palette;
  onWord: (word: string, several: boolean) => void;
  onPair: (a: string, b: string) => void;
}

/** Two graphs side by side, the same word at the same place, colored by log-odds. */
export function CompareView({
  comparison,
  memory,
  focus,
  palette,
  onWord,
  onPair,
}: CompareViewProps) {
  const [hover, setHover] = React.useState<string | null>(null);
  const [stacked, setStacked] = React.useState(false);
  const [ready, setReady] = React.useState<{ of: ComparePayload; places: Memory } | null>(null);
  const sides = React.useRef<HTMLDivElement>(null);
  // An effect, so that the graph before has kept its places when they are read.
  React.useEffect(() => {
    const box = sides.current;
    if (!box) return;
    const wide = box.clientWidth >= box.clientHeight;
    setStacked(!wide);
    const aspect = box.clientWidth / (wide ? 2 : 1) / (box.clientHeight / (wide ? 1 : 2) || 1);
    const places = placeWords(browserStore(), memory, comparison, aspect || 1);
    setReady({ of: comparison, places });
  }, [comparison, memory]);
  const springs = React.useMemo(() => comparedSprings(comparison), [comparison]);
  const looked = React.useMemo(
    () => new Set(focus.length ? focus : hover ? [hover] : []),
    [focus, hover],
  );
  const scenes = React.useMemo(
    () => ({
      a: sideScene(comparison, "a", looked, palette),
      b: sideScene(comparison, "b", looked, palette),
    }),
    [comparison, looked, palette],
  );
  const facts = React.useMemo(
    () => new Map(comparison.words.map((one) => [one.word, one])),
    [comparison],
  );
  const about = React.useCallback(
    ({ word }: DrawnWord) => {
      const one = facts.get(word);
      if (!one) return word;
      return (
        `${word}: ${percent(one.share_a)} of ${comparison.a.title}, ` +
        `${percent(one.share_b)} of ${comparison.b.title}, log-odds ${one.log_odds.toFixed(2)}`
      );
    },
    [facts, comparison],
  );
  const side = (name: SideName) => (
    <section className="capviz-wg-side" data-cy={`capviz-compare-${name}`} key={name}>
      <h3 style={{ color: SIDES[name === "a" ? 0 : 1] }} title={comparison[name].title}>
        {comparison[name].title}{" "}
        <small>{comparison[name].documents.toLocaleString("en")} captions</small>
      </h3>
      <div className="capviz-wg-typical" aria-label={`Words typical of ${comparison[name].title}`}>
        {typicalWords(comparison, name).map((one) => (
          <button
            key={one.word}
            type="button"
            style={{ borderColor: oddsColor(one.log_odds, fullOdds(comparison.words), palette) }}
            title={`log-odds ${one.log_odds.toFixed(2)}, z ${one.z.toFixed(1)}`}
            onClick={(event) => onWord(one.word, event.shiftKey)}
          >
            {one.word}
          </button>
        ))}
      </div>
      {ready?.of === comparison && (
        <GraphCanvas
          memory={memory}
          places={ready.places}
          scene={scenes[name]}
          springs={springs}
          palette={palette}
          label={`Word graph of ${comparison[name].title}`}
          about={about}
          onWord={onWord}
          onPair={onPair}
          onHover={setHover}
        />
      )}
    </section>
  );
  const hovered = hover === null ? undefined : facts.get(hover);
  return (
    <div className="capviz-wg-compare">
      <div
        ref={sides}
        className={stacked ? "capviz-wg-sides capviz-wg-stacked" : "capviz-wg-sides"}
      >
        {side("a")}
        {side("b")}
      </div>
      <div className="capviz-wg-scale">
        <span>more in {comparison.a.title}</span>
        <i style={{ background: gradient(palette) }} />
        <span>more in {comparison.b.title}</span>
        <span className="capviz-wg-gap" />
        {hovered && <span>{about({ word: hovered.word } as DrawnWord)}</span>}
      </div>
    </div>
  );
}

function gradient(palette: Palette): string {
  const steps = [1, 0.5, 0, -0.5, -1].map((at) => oddsColor(at, 1, palette));
  return `linear-gradient(to right, ${steps.join(", ")})`;
}
