import * as React from "react";
import type { Palette } from "../../ui/palette";
import { variables } from "../../ui/style";
import { aboutWord } from "../graph/about";
import type { ComparisonModel } from "./useComparison";
import { CompareBar } from "./CompareBar";
import { CompareView } from "./CompareView";
import type { GraphController } from "../canvas/controller";
import { Controls, Tags, type Arrangement } from "./Controls";
import { ExportMenu, type Kind } from "./ExportMenu";
import { GraphCanvas } from "./GraphCanvas";
import { Histogram } from "./Histogram";
import type { Spring } from "../graph/layout";
import { memoryKey } from "../graph/memory";
import { Empty, Failed, Loading } from "./Messages";
import { PairsTable } from "./PairsTable";
import type { GraphPayload } from "../../payloads/word_graph";
import type { Brush } from "../graph/scales";
import { sceneOf, springsOf, type DrawnWord } from "../graph/scene";
import { shownGraph, type Filters } from "../graph/selection";
import { Status } from "./Status";
import { SHEET } from "./style";
import { Tip } from "./Tip";
import { Tools } from "./Tools";
import type { WordGraphModel } from "./useWordGraph";

export interface WordGraphViewProps {
  model: WordGraphModel;
  comparison: ComparisonModel;
  filters: Filters;
  change: (part: Partial<Filters>) => void;
  arrangement: Arrangement;
  arrange: (arrangement: Arrangement) => void;
  /** Pairs of similar words for that layout; null until they are known. */
  similar: readonly Spring[] | null;
  palette: Palette;
  analyze: () => void;
  dropLasso: () => void;
  save: (kind: Kind, words: readonly string[], controller: GraphController | null) => void;
}

/** The panel: controls, graph, match scores and pairs. */
export function WordGraphView(props: WordGraphViewProps) {
  const { model, palette } = props;
  const root = React.useRef<HTMLDivElement>(null);
  useEscape(root, model.focus.length > 0, model.unfocus);
  return (
    <div
      ref={root}
      className="capviz-wg"
      style={variables(palette)}
      data-cy="capviz-word-graph"
      data-loading={model.loading}
      aria-busy={model.busy || props.comparison.loading}
    >
      <style>{SHEET}</style>
      {model.graph ? (
        <Loaded {...props} graph={model.graph} />
      ) : model.empty ? (
        <Empty message={model.empty.empty} analyze={props.analyze} />
      ) : model.error ? (
        <Failed message={model.error} retry={model.retry} />
      ) : (
        <Loading />
      )}
    </div>
  );
}

function Loaded(props: WordGraphViewProps & { graph: GraphPayload }) {
  const { graph, model, filters, palette, arrangement, similar, comparison } = props;
  const [brush, setBrush] = React.useState<Brush | null>(null);
  const [hover, setHover] = React.useState<string | null>(null);
  const [controller, setController] = React.useState<GraphController | null>(null);
  const shown = React.useMemo(() => shownGraph(graph, filters), [graph, filters]);
  const together = React.useMemo(() => springsOf(shown), [shown]);
  const alike = arrangement === "similar" && similar !== null;
  const springs = alike ? similar : together;
  const scene = React.useMemo(
    () => sceneOf(shown, { focus: model.focus, hover, brush, quiet: alike }, palette),
    [shown, model.focus, hover, brush, alike, palette],
  );
  const facts = React.useMemo(() => new Map(shown.words.map((one) => [one.word, one])), [shown]);
  const about = React.useCallback(
    (word: DrawnWord) => {
      const known = facts.get(word.word);
      return known ? aboutWord(known, word.ring) : word.word;
    },
    [facts],
  );
  const click = (word: string, several: boolean) => {
    if (!several) return model.focusOn([word]);
    const rest = model.focus.filter((one) => one !== word);
    if (rest.length < model.focus.length)
      return rest.length ? model.focusOn(rest) : model.unfocus();
    return model.focusOn([...model.focus, word]);
  };
  const pair = (a: string, b: string) => model.focusOn([a, b]);
  const comparing = comparison.open && comparison.result !== null;
  const pairs = model.focus.length === 1 ? (model.focused?.pairs ?? null) : null;
  const key = memoryKey(graph.dataset, graph.caption_field);
  return (
    <>
      <Controls
        filters={filters}
        change={props.change}
        arrangement={arrangement}
        arrange={props.arrange}
        captionField={graph.caption_field}
        captionFields={graph.caption_fields}
        choose={model.choose}
        filtering={!comparing}
      >
        <button
          type="button"
          className="capviz-wg-button"
          data-cy="capviz-compare"
          aria-pressed={comparison.open}
          onClick={comparison.toggle}
        >
          Compare
        </button>
        <ExportMenu
          comparing={comparing}
          save={(kind) =>
            props.save(
              kind,
              shown.words.map((one) => one.word),
              controller,
            )
          }
        />
      </Controls>
      {comparison.open && <CompareBar comparison={comparison} />}
      <Status
        graph={graph}
        shown={shown}
        focus={model.focus}
        focused={model.focused}
        error={model.error ?? comparison.error}
        notice={model.notice}
        unfocus={model.unfocus}
        dropLasso={props.dropLasso}
        dismiss={model.dismiss}
      >
        {!comparing && <Tags filters={filters} change={props.change} palette={palette} />}
      </Status>
      {comparing && comparison.result !== null ? (
        <CompareView
          comparison={comparison.result}
          memory={key}
          focus={model.focus}
          palette={palette}
          onWord={click}
          onPair={pair}
        />
      ) : (
        <>
          <div className="capviz-wg-stage">
            <GraphCanvas
              memory={alike ? `${key}:similar` : key}
              scene={scene}
              springs={springs}
              palette={palette}
              label={`Word graph of ${graph.caption_field}: ${shown.words.length} words. Arrow keys go from word to word, Enter shows its images, P pins it, Escape goes back.`}
              about={about}
              onWord={click}
              onPair={pair}
              onHover={setHover}
              onReady={setController}
            />
            <Tools controller={controller} />
            <Tip word={hover} facts={facts} scene={scene} />
            {!shown.words.length && (
              <p className="capviz-wg-middle">No word passes these filters.</p>
            )}
            {(model.loading || (arrangement === "similar" && !alike)) && (
              <div className="capviz-wg-busy" />
            )}
          </div>
          <Histogram scores={graph.scores} brush={brush} change={setBrush} palette={palette} />
          <PairsTable
            pairs={pairs ?? graph.pairs}
            word={pairs ? model.focus[0] : null}
            focus={model.focus}
            onPair={pair}
          />
        </>
      )}
    </>
  );
}

/** Escape goes back wherever the panel has the keyboard, or nothing in particular has. */
function useEscape(root: React.RefObject<HTMLElement>, active: boolean, back: () => void): void {
  React.useEffect(() => {
    if (!active) return undefined;
    const listen = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      const target = event.target as Node | null;
      if (target !== document.body && !root.current?.contains(target)) return;
      back();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [root, active, back]);
}
