import * as React from "react";
import type {
  Attempt,
  Candidate,
  ImagePayload,
  JobData,
  PlacePayload,
  ScopesPayload,
  SearchPayload,
  Suggestion,
  Trial,
} from "../../payloads/caption_steering";
import type { Palette } from "../../ui/palette";
import { Panel } from "../../ui/Panel";
import type { Entry } from "../model/history";
import { scopeChoices, sourceChoices } from "../model/scope";
import { isEmpty, paint, sharesOf, type SegmentCells } from "../model/selections";
import {
  asksSomething,
  withMethod,
  withOneMore,
  withoutOne,
  type Settings,
} from "../model/settings";
import { ApplyCard, type BatchActions, type BatchRequest } from "./ApplyCard";
import { CaptionCard } from "./CaptionCard";
import { DecisionBar } from "./DecisionBar";
import { FindWeight } from "./FindWeight";
import { HistoryList } from "./HistoryList";
import { ImageCard } from "./ImageCard";
import { RecipeCard } from "./RecipeCard";
import { SHEET } from "./style";
import { useEdits, type Edits } from "./useEdits";
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
  chosenTheirs: number;
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
  const { image, place, settings } = props;
  const cells = React.useMemo(() => place?.cells ?? {}, [place]);
  const edits = useEdits(settings, cells, props.onSettings);
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
          <ImageColumn {...props} cells={cells} edits={edits} />
          <CaptionColumn {...props} edits={edits} />
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

/** The image with its selections, and their weights. */
function ImageColumn(props: ViewProps & { cells: SegmentCells; edits: Edits }) {
  const { image, place, settings, cells, edits } = props;
  const shares = React.useMemo(
    () => settings.selections.map((one) => sharesOf(one, cells)),
    [settings.selections, cells],
  );
  const layers = settings.selections.map(({ weight }, index) => ({
    weight,
    shares: shares[index],
  }));
  return (
    <div className="capviz-st-column capviz-st-left">
      <ImageCard
        image={image}
        place={place}
        src={props.srcOf(image.filepath)}
        layers={layers}
        active={settings.active}
        chosenSegments={settings.selections[settings.active].segments}
        loading={props.loading}
        onStep={props.onStep}
        onField={props.onField}
        onPaint={(painted, inside) =>
          edits.changeActive((one) => paint(one, painted, inside, cells))
        }
        onPress={edits.press}
        onSegment={edits.takeSegment}
      />
      <WeightDial
        selections={settings.selections}
        shares={shares}
        active={settings.active}
        method={settings.method}
        onActivate={(active) => edits.change({ ...settings, active })}
        onAdd={() => edits.change(withOneMore(settings))}
        onRemove={(index) => edits.change(withoutOne(settings, index))}
        onWeight={(weight) => edits.changeActive((one) => ({ ...one, weight }))}
      />
    </div>
  );
}

/** Prompt and method, the captions, and what else is done with the recipe. */
function CaptionColumn(props: ViewProps & { edits: Edits }) {
  const { image, place, settings, edits } = props;
  const selection = settings.selections[settings.active];
  const refusal = ({ source }: BatchRequest) =>
    source === "none" && !settings.prompt.trim()
      ? "Write a prompt, or choose segments for the weight."
      : null;
  return (
    <div className="capviz-st-column">
      <RecipeCard
        prompt={settings.prompt}
        subject={image.subject}
        placeholder={place ? `${place.default_prompt} … (the captioner's own)` : ""}
        method={settings.method}
        suggestions={props.suggestions}
        wanted={props.word}
        busy={props.busy}
        ready={place !== null}
        live={props.live}
        canLive={place !== null && !place.streams}
        onPrompt={(prompt) => edits.change({ ...settings, prompt })}
        onMethod={(method) => edits.change(withMethod(settings, method))}
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
      <HistoryList history={props.history} attempt={props.attempt} onGoBack={props.onGoBack} />
    </div>
  );
}
