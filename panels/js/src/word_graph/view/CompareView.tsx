import * as React from "react";
import type { ComparePayload } from "../../payloads/word_graph";
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
import type { Spring } from "../graph/layout";
import type { Memory } from "../graph/memory";
import type { DrawnWord } from "../graph/scene";
import { browserStore } from "./browserStore";
import { GraphCanvas } from "./GraphCanvas";

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
export function CompareView(props: CompareViewProps) {
  const { comparison, focus, palette } = props;
  const [hover, setHover] = React.useState<string | null>(null);
  const sides = React.useRef<HTMLDivElement>(null);
  const { stacked, places } = usePlaces(sides, comparison, props.memory);
  const springs = React.useMemo(() => comparedSprings(comparison), [comparison]);
  const looked = React.useMemo(
    () => new Set(focus.length ? focus : hover ? [hover] : []),
    [focus, hover],
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
  const hovered = hover === null ? undefined : facts.get(hover);
  const shared = { looked, springs, places, about, onHover: setHover };
  return (
    <div className="capviz-wg-compare">
      <div
        ref={sides}
        className={stacked ? "capviz-wg-sides capviz-wg-stacked" : "capviz-wg-sides"}
      >
        <Side {...props} {...shared} name="a" />
        <Side {...props} {...shared} name="b" />
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

/** Where the words of both sides stand, null until it is known; and whether one is above the other. */
function usePlaces(
  sides: React.RefObject<HTMLElement>,
  comparison: ComparePayload,
  memory: string,
): { stacked: boolean; places: Memory | null } {
  const [stacked, setStacked] = React.useState(false);
  const [ready, setReady] = React.useState<{ of: ComparePayload; places: Memory } | null>(null);
  // An effect, so that the graph before has kept its places when they are read.
  React.useEffect(() => {
    const box = sides.current;
    if (!box) return;
    const wide = box.clientWidth >= box.clientHeight;
    setStacked(!wide);
    const aspect = box.clientWidth / (wide ? 2 : 1) / (box.clientHeight / (wide ? 1 : 2) || 1);
    const places = placeWords(browserStore(), memory, comparison, aspect || 1);
    setReady({ of: comparison, places });
  }, [sides, comparison, memory]);
  return { stacked, places: ready?.of === comparison ? ready.places : null };
}

interface SideProps extends CompareViewProps {
  name: SideName;
  /** The words that the user looks at, on either side. */
  looked: ReadonlySet<string>;
  springs: readonly Spring[];
  places: Memory | null;
  about: (word: DrawnWord) => string;
  onHover: (word: string | null) => void;
}

/** One side: its title, the words that are typical of it, its graph. */
function Side(props: SideProps) {
  const { name, comparison, looked, palette, places } = props;
  const scene = React.useMemo(
    () => sideScene(comparison, name, looked, palette),
    [comparison, name, looked, palette],
  );
  return (
    <section className="capviz-wg-side" data-cy={`capviz-compare-${name}`}>
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
            onClick={(event) => props.onWord(one.word, event.shiftKey)}
          >
            {one.word}
          </button>
        ))}
      </div>
      {places && (
        <GraphCanvas
          memory={props.memory}
          places={places}
          scene={scene}
          springs={props.springs}
          palette={palette}
          label={`Word graph of ${comparison[name].title}`}
          about={props.about}
          onWord={props.onWord}
          onPair={props.onPair}
          onHover={props.onHover}
        />
      )}
    </section>
  );
}

function gradient(palette: Palette): string {
  const steps = [1, 0.5, 0, -0.5, -1].map((at) => oddsColor(at, 1, palette));
  return `linear-gradient(to right, ${steps.join(", ")})`;
}
