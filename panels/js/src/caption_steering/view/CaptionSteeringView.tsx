import * as React from "react";
import type { Palette } from "../../ui/palette";
import { Panel } from "../../ui/Panel";
import { ApplyCard, type BatchActions, type BatchRequest } from "./ApplyCard";
import { CaptionCard } from "./CaptionCard";
import { DecisionBar } from "./DecisionBar";
import { FindWeight } from "./FindWeight";
import { asksSomething, type Entry, type Settings } from "../model/history";
import { HistoryList } from "./HistoryList";
import { ImageCard } from "./ImageCard";
import type {
  Attempt,
  Candidate,
  ImagePayload,
  JobData,
  PlacePayload,
  ScopesPayload,
} from "../../payloads/caption_steering";
import type { SearchPayload, Suggestion, Trial } from "../../payloads/caption_steering";
import { RecipeCard } from "./RecipeCard";
import { scopeChoices, sourceChoices } from "../model/scope";
import { emptySelection, isEmpty, paint, sharesOf, toggleSegment } from "../model/selections";
import { SHEET } from "./style";
import { leastWeight, type Method } from "../model/weight";
import { WeightDial } from "./WeightDial";

export interface ViewProps extends BatchActions {
  palette: Palette;
  image: ImagePayload;
  place: PlacePayload | null;
  loading: string | null;
  error: string | null;
  settings: Settings;
  attempt: Attempt | null;
  growing: string | null;
  busy: boolean;
  live: boolean;
  history: Entry[];
  word: string;
  search: SearchPayload | null;
  searching: boolean;
  searchError: string | null;
  suggestions: Suggestion[];
  scopes: ScopesPayload | null;
  job: JobData | null;
  batchError: string | null;
  message: string | null;
  candidates: Candidate[];
  waiting: number;
  chosenCount: number;
  isChosen: (candidate: Candidate) => boolean;
  accept: string | null;
  srcOf: (filepath: string) => string;
  onStep: ((step: number) => void) | null;
  onField: (field: string) => void;
  onRetry: () => void;
  onSettings: (settings: Settings) => void;
  onLive: (live: boolean) => void;
  onGenerate: () => void;
  onCancel: () => void;
  onGoBack: (entry: Entry) => void;
  onWord: (word: string) => void;
  onFind: () => void;
  onTake: (trial: Trial) => void;
  onAccept: () => void;
  onUndo: () => void;
}

/** The whole panel, from what it is given. */
export function CaptionSteeringView(props: ViewProps) {
  const { image, place, settings, onSettings } = props;
  const cells = React.useMemo(() => place?.cells ?? {}, [place]);
  const selection = settings.selections[settings.active];
  const shares = React.useMemo(
    () => settings.selections.map((one) => sharesOf(one, cells)),
    [settings.selections, cells],
  );
  const layers = settings.selections.map(({ weight }, index) => ({
    weight,
    shares: shares[index],
  }));
  // Strokes come faster than React renders: each goes on from the newest settings.
  const newest = React.useRef(settings);
  newest.current = settings;
  const change = (next: Settings) => {
    newest.current = next;
    onSettings(next);
  };
  const changeActive = (edit: (one: typeof selection) => typeof selection) => {
    const now = newest.current;
    const selections = now.selections.map((one, index) => (index === now.active ? edit(one) : one));
    change({ ...now, selections });
  };
  // The first click of a double-click has painted, the second has wiped out: both are taken back.
  const presses = React.useRef<(typeof selection)[]>([]);
  const press = () => {
    const { selections, active } = newest.current;
    presses.current = [selections[active], ...presses.current].slice(0, 2);
  };
  const takeSegment = (id: string, pressed = false) =>
    changeActive((one) => {
      const before = pressed ? presses.current[1] : undefined;
      const base = before?.id === one.id ? { ...before, weight: one.weight } : one;
      return toggleSegment(base, id, cells);
    });
  const setMethod = (method: Method) => {
    const least = leastWeight(method);
    const selections = settings.selections.map((one) =>
      one.weight < least ? { ...one, weight: 3 } : one,
    );
    change({ ...settings, method, selections });
  };
  const remove = (index: number) => {
    const rest = settings.selections.filter((_, at) => at !== index);
    const selections = rest.length ? rest : [emptySelection(1, selection.weight)];
    change({ ...settings, selections, active: Math.min(settings.active, selections.length - 1) });
  };
  const add = () => {
    const id = 1 + Math.max(...settings.selections.map((one) => one.id));
    const selections = [...settings.selections, emptySelection(id, selection.weight)];
    change({ ...settings, selections, active: selections.length - 1 });
  };
  const refusal = ({ source }: BatchRequest) =>
    source === "none" && !settings.prompt.trim()
      ? "Write a prompt, or choose segments for the weight."
      : null;
  return (
    <Panel className="capviz-st" sheet={SHEET} cy="capviz-steering" palette={props.palette}>
      <div className="capviz-scroll" data-margins={props.onStep === null}>
        {props.error ? (
          <p className="capviz-error" role="alert">
            {props.error}
            {place ? null : (
              <button type="button" style={{ marginLeft: 10 }} onClick={props.onRetry}>
                Try again
              </button>
            )}
          </p>
        ) : null}
        <div className="capviz-st-columns">
          <div className="capviz-st-column capviz-st-left">
            <ImageCard
              image={image}
              place={place}
              src={props.srcOf(image.filepath)}
              layers={layers}
              active={settings.active}
              chosenSegments={selection.segments}
              loading={props.loading}
              onStep={props.onStep}
              onField={props.onField}
              onPaint={(painted, inside) =>
                changeActive((one) => paint(one, painted, inside, cells))
              }
              onPress={press}
              onSegment={takeSegment}
            />
            <WeightDial
              selections={settings.selections}
              shares={shares}
              active={settings.active}
              method={settings.method}
              onActivate={(active) => change({ ...settings, active })}
              onAdd={add}
              onRemove={remove}
              onWeight={(weight) => changeActive((one) => ({ ...one, weight }))}
            />
          </div>
          <div className="capviz-st-column">
            <RecipeCard
              prompt={settings.prompt}
              placeholder={place ? `${place.default_prompt} … (the captioner's own)` : ""}
              method={settings.method}
              suggestions={props.suggestions}
              wanted={props.word}
              busy={props.busy}
              ready={place !== null}
              live={props.live}
              canLive={place !== null && !place.streams}
              onPrompt={(prompt) => change({ ...settings, prompt })}
              onMethod={setMethod}
              onLive={props.onLive}
              onGenerate={props.onGenerate}
              onCancel={props.onCancel}
            />
            <CaptionCard
              present={image.caption}
              presentScores={{
                itm: place?.itm ?? image.itm,
                log_likelihood: place?.log_likelihood ?? null,
              }}
              attempt={props.attempt}
              growing={props.growing}
              busy={props.busy && asksSomething(settings)}
            />
            <FindWeight
              word={props.word}
              search={props.search}
              searching={props.searching}
              error={props.searchError}
              ready={place !== null}
              selected={!isEmpty(selection)}
              onWord={props.onWord}
              onFind={props.onFind}
              onTake={props.onTake}
            />
            <ApplyCard
              {...props}
              scopes={scopeChoices(props.scopes)}
              sources={sourceChoices(props.scopes, selection, image.segments, settings.method)}
              weight={selection.weight}
              refusal={refusal}
              batch={image.batch}
              error={props.batchError}
            />
            <HistoryList
              history={props.history}
              attempt={props.attempt}
              onGoBack={props.onGoBack}
            />
          </div>
        </div>
      </div>
      <DecisionBar
        accept={props.accept}
        undo={image.undo}
        busy={props.job !== null}
        message={props.message}
        onAccept={props.onAccept}
        onUndo={props.onUndo}
      />
    </Panel>
  );
}
