import * as React from "react";
import type { GraphPayload } from "../../payloads/word_graph";
import type { Palette } from "../../ui/palette";
import type { GraphController } from "../canvas/controller";
import { aboutWord } from "../graph/about";
import type { Spring } from "../graph/layout";
import { memoryKey } from "../graph/memory";
import type { Brush } from "../graph/scales";
import { sceneOf, springsOf, type DrawnWord } from "../graph/scene";
import type { Shown } from "../graph/selection";
import type { Arrangement } from "./Controls";
import { GraphCanvas } from "./GraphCanvas";
import { Tip } from "./Tip";
import { Tools } from "./Tools";
import { WordMenu } from "./WordMenu";

export interface StageProps {
  graph: GraphPayload;
  shown: Shown;
  focus: readonly string[];
  hover: string | null;
  brush: Brush | null;
  arrangement: Arrangement;
  /** Pairs of similar words for that layout; null until they are known. */
  similar: readonly Spring[] | null;
  loading: boolean;
  palette: Palette;
  controller: GraphController | null;
  setController: (controller: GraphController | null) => void;
  setHover: (word: string | null) => void;
  onWord: (word: string, several: boolean) => void;
  onPair: (a: string, b: string) => void;
  makeStopWord: (word: string) => void;
}

interface Menu {
  word: string;
  x: number;
  y: number;
}

/** The graph with its tools, and what is known of the word under the mouse. */
export function Stage(props: StageProps) {
  const { graph, shown, focus, hover, brush, arrangement, similar, palette } = props;
  const [menu, setMenu] = React.useState<Menu | null>(null);
  const close = React.useCallback(() => setMenu(null), []);
  const together = React.useMemo(() => springsOf(shown), [shown]);
  const alike = arrangement === "similar" && similar !== null;
  const springs = alike ? similar : together;
  const scene = React.useMemo(
    () => sceneOf(shown, { focus, hover, brush, quiet: alike }, palette),
    [shown, focus, hover, brush, alike, palette],
  );
  const facts = React.useMemo(() => new Map(shown.words.map((one) => [one.word, one])), [shown]);
  const about = React.useCallback(
    (word: DrawnWord) => {
      const known = facts.get(word.word);
      return known ? aboutWord(known, word.ring) : word.word;
    },
    [facts],
  );
  const key = memoryKey(graph.dataset, graph.caption_field);
  return (
    <div className="capviz-wg-stage">
      <GraphCanvas
        memory={alike ? `${key}:similar` : key}
        scene={scene}
        springs={springs}
        palette={palette}
        label={`Word graph of ${graph.caption_field}: ${shown.words.length} words. Arrow keys go from word to word, Enter shows its images, P pins it, Shift+F10 opens its menu, Escape goes back.`}
        about={about}
        onWord={props.onWord}
        onPair={props.onPair}
        onHover={props.setHover}
        onMenu={(word, x, y) => setMenu({ word, x, y })}
        onReady={props.setController}
      />
      {menu && <WordMenu {...menu} makeStopWord={props.makeStopWord} close={close} />}
      <Tools controller={props.controller} />
      <Tip word={hover} facts={facts} scene={scene} />
      {!shown.words.length && <p className="capviz-wg-middle">No word passes these filters.</p>}
      {(props.loading || (arrangement === "similar" && !alike)) && (
        <div className="capviz-wg-busy" />
      )}
    </div>
  );
}
