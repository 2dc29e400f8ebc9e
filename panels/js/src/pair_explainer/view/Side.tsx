import * as React from "react";
import type { Box, ImagePayload } from "../../payloads/pair_explainer";
import type { Pair } from "../model/maps";
import type { Region } from "../model/region";
import type { Shown } from "../model/shown";
import { CaptionWords } from "./CaptionWords";
import { Legend } from "./Legend";
import { Segments } from "./Segments";
import { Stage } from "./Stage";
import type { ActiveChoice } from "./useChoice";

export interface Peaks {
  heat: number;
  words: number;
}

export interface SideProps {
  image: ImagePayload;
  src: string;
  pair: Pair | null;
  busy: boolean;
  shown: Shown;
  peaks: Peaks;
  choice: ActiveChoice;
  blocks: boolean;
  outlines: boolean;
  /** Null where a region means nothing. */
  onRegion: ((region: Region | null) => void) | null;
  /** Offers to make captions. */
  onAnalyze: () => void;
}

const NONE: ReadonlySet<number> = new Set();

/** The image of one side, its heat with the scale, and its segments. */
export function SidePicture(props: SideProps): React.ReactElement {
  const { image, pair, shown, choice, onRegion } = props;
  const [hot, setHot] = React.useState<string | null>(null);
  const place: { crop: Box; grid: number } | null = pair;
  const hint =
    shown.problem ??
    (pair && !shown.heat && onRegion && shown.scores.length
      ? "Select words to see where they count."
      : null);
  return (
    <div className="capviz-px-column">
      <Stage
        src={props.src}
        name={nameOfFile(image.filepath)}
        place={place}
        heat={shown.heat}
        peak={props.peaks.heat}
        blocks={props.blocks}
        segments={image.segments}
        outlines={props.outlines}
        hot={hot}
        region={onRegion ? choice.region : null}
        hint={props.busy ? null : hint}
        busy={props.busy}
        onRegion={onRegion}
      />
      {shown.heat ? <Legend peak={props.peaks.heat} what={shown.what} sum={shown.sum} /> : null}
      {onRegion ? (
        <Segments
          segments={image.segments}
          pair={pair}
          chosenWords={shown.scores.length ? choice.words : NONE}
          region={choice.region}
          onRegion={onRegion}
          onHot={setHot}
        />
      ) : null}
    </div>
  );
}

/** The caption of one side: switches for its words, and where their numbers come from. */
export function SideWords(
  props: SideProps & { title: string; children?: React.ReactNode },
): React.ReactElement {
  const { pair, shown, choice, onRegion } = props;
  return (
    <div className="capviz-card">
      <h3>{props.title}</h3>
      {pair ? (
        <>
          <CaptionWords
            caption={pair.caption}
            words={pair.words}
            chosen={choice.words}
            scores={shown.scores}
            peak={props.peaks.words}
            from={shown.from}
            label={props.title}
            onToggle={choice.toggle}
          />
          <div className="capviz-row capviz-small" style={{ margin: "4px 0" }}>
            <span className="capviz-muted" aria-live="polite" data-cy="capviz-pair-from">
              {shown.scores.length ? `Numbers: what each word gets from ${shown.from}.` : ""}
            </span>
            {choice.region && onRegion ? (
              <button
                type="button"
                className="capviz-quiet"
                data-cy="capviz-pair-whole"
                onClick={() => onRegion(null)}
              >
                Whole image
              </button>
            ) : null}
            <span style={{ marginLeft: "auto" }} />
            <button
              type="button"
              className="capviz-quiet"
              data-cy="capviz-pair-all"
              onClick={() => choice.choose(pair.words.keys())}
            >
              All words
            </button>
            <button
              type="button"
              className="capviz-quiet"
              data-cy="capviz-pair-none"
              disabled={!choice.words.size}
              onClick={() => choice.choose([])}
            >
              None
            </button>
          </div>
        </>
      ) : (
        <Waits {...props} />
      )}
      {props.children}
    </div>
  );
}

/** What stands where the words will be. */
function Waits({ image, busy, onAnalyze }: SideProps): React.ReactElement {
  if (busy)
    return <p className="capviz-muted">Explaining … the first time, the encoder is loaded.</p>;
  if (image.caption !== null) return <p className="capviz-muted">Nothing is explained yet.</p>;
  return (
    <div className="capviz-row" style={{ marginBottom: 6 }}>
      <span className="capviz-muted capviz-px-grow" style={{ whiteSpace: "normal" }}>
        This image has no caption yet. Type one, or make captions for the view.
      </span>
      <button type="button" data-cy="capviz-pair-analyze" onClick={onAnalyze}>
        Make captions …
      </button>
    </div>
  );
}

export function nameOfFile(path: string): string {
  return path.split(/[\\/]/).pop() ?? path;
}
