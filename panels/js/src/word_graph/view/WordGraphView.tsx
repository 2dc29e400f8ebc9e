import * as React from "react";
import type { GraphPayload } from "../../payloads/word_graph";
import type { Palette } from "../../ui/palette";
import { variables } from "../../ui/style";
import type { GraphController } from "../canvas/controller";
import type { Spring } from "../graph/layout";
import { memoryKey } from "../graph/memory";
import type { Brush } from "../graph/scales";
import { shownGraph, type Filters, type Shown } from "../graph/selection";
import { CompareBar } from "./CompareBar";
import { CompareView } from "./CompareView";
import { Controls, Tags, type Arrangement } from "./Controls";
import { ExportMenu, type Kind } from "./ExportMenu";
import { Histogram } from "./Histogram";
import { Empty, Failed, Loading } from "./Messages";
import { PairsTable } from "./PairsTable";
import { Stage } from "./Stage";
import { Status } from "./Status";
import { SHEET } from "./style";
import type { ComparisonModel } from "./useComparison";
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

type LoadedProps = WordGraphViewProps & { graph: GraphPayload };

/** The panel once there is a graph. */
function Loaded(props: LoadedProps) {
  const { graph, model, filters, palette, comparison } = props;
  const [brush, setBrush] = React.useState<Brush | null>(null);
  const [hover, setHover] = React.useState<string | null>(null);
  const [controller, setController] = React.useState<GraphController | null>(null);
  const shown = React.useMemo(() => shownGraph(graph, filters), [graph, filters]);
  const compared = comparison.open ? comparison.result : null;
  const pairs = model.focus.length === 1 ? (model.focused?.pairs ?? null) : null;
  const onWord = clickOn(model);
  const onPair = (a: string, b: string) => model.focusOn([a, b]);
  return (
    <>
      <Top {...props} shown={shown} controller={controller} />
      {compared !== null ? (
        <CompareView
          comparison={compared}
          memory={memoryKey(graph.dataset, graph.caption_field)}
          focus={model.focus}
          {...{ palette, onWord, onPair }}
        />
      ) : (
        <>
          <Stage
            focus={model.focus}
            arrangement={props.arrangement}
            similar={props.similar}
            loading={model.loading}
            makeStopWord={model.makeStopWord}
            {...{ graph, shown, hover, setHover, brush, palette, onWord, onPair }}
            {...{ controller, setController }}
          />
          <Histogram scores={graph.scores} brush={brush} change={setBrush} palette={palette} />
          <PairsTable
            pairs={pairs ?? graph.pairs}
            word={pairs ? model.focus[0] : null}
            focus={model.focus}
            onPair={onPair}
          />
        </>
      )}
    </>
  );
}

/** With shift a word comes into focus beside the others, or leaves it. */
function clickOn(model: WordGraphModel): (word: string, several: boolean) => void {
  return (word, several) => {
    if (!several) return model.focusOn([word]);
    const rest = model.focus.filter((one) => one !== word);
    if (rest.length < model.focus.length)
      return rest.length ? model.focusOn(rest) : model.unfocus();
    return model.focusOn([...model.focus, word]);
  };
}

/** What can be chosen, and what is shown. */
function Top(props: LoadedProps & { shown: Shown; controller: GraphController | null }) {
  const { graph, model, filters, palette, comparison, shown } = props;
  const comparing = comparison.open && comparison.result !== null;
  return (
    <>
      <Controls
        filters={filters}
        change={props.change}
        arrangement={props.arrangement}
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
          save={(kind) => {
            const words = shown.words.map((one) => one.word);
            props.save(kind, words, props.controller);
          }}
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
        undoStopWords={model.undoStopWords}
        dismiss={model.dismiss}
      >
        {!comparing && <Tags filters={filters} change={props.change} palette={palette} />}
      </Status>
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
