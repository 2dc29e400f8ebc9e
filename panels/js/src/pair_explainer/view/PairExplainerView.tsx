import * as React from "react";
import type { Palette } from "../../ui/palette";
import { Panel } from "../../ui/Panel";
import { CaptionEntry } from "./CaptionEntry";
import { CompareBar } from "./CompareBar";
import { CaptionDifference, ImageDifference } from "./Difference";
import { Header } from "./Header";
import { sameWords, strongestWord, type Pair } from "../model/maps";
import type { ImagePayload } from "../../payloads/pair_explainer";
import { nameOf } from "../model/region";
import { RelationCard, ScoreCard } from "./ScoreCard";
import { SettingsBar } from "./SettingsBar";
import {
  NOTHING,
  sharedPeaks,
  shownOfCaptions,
  shownOfImages,
  shownOfPair,
  type Compare,
  type Relation,
  type Shown,
} from "../model/shown";
import { nameOfFile, SidePicture, SideWords, type SideProps } from "./Side";
import { SHEET } from "./style";
import { useChoice } from "./useChoice";
import type { Answer, Settings } from "./usePair";
import { Waiting } from "./Waiting";

export interface ViewProps {
  palette: Palette;
  image: ImagePayload;
  /** The sample of the second image; null while it is not compared or not there yet. */
  other: ImagePayload | null;
  first: Answer<Pair>;
  second: Answer<Pair>;
  relation: Answer<Relation>;
  error: string | null;
  /** The caption in use where it is not the sample's own. */
  typed: string | null;
  compare: Compare;
  together: boolean;
  otherCaption: string;
  ticked: boolean;
  settings: Settings;
  srcOf: (filepath: string) => string;
  onStep: ((step: number) => void) | null;
  onField: (field: string) => void;
  onCaption: (caption: string | null) => void;
  onSettings: (settings: Settings) => void;
  onCompare: (compare: Compare) => void;
  onTogether: (together: boolean) => void;
  onOtherCaption: (caption: string) => void;
  onOtherStep: (step: -1 | 1) => void;
  onOtherTicked: () => void;
  onMismatches: () => void;
  onAnalyze: () => void;
  onCancel: () => void;
  onConfirm: () => void;
  onRetry: () => void;
}

/** The whole panel, from what it is given. */
export function PairExplainerView(props: ViewProps): React.ReactElement {
  const { image, compare, together } = props;
  const two = compare !== "none";
  const otherImage = compare === "image" ? props.other : image;
  const [blocks, setBlocks] = React.useState(false);
  const [outlines, setOutlines] = React.useState(true);
  const pair = props.first.value;
  const secondPair = two ? props.second.value : null;
  const layers = useLayers(pair, props.settings.encoder ?? image.encoder);
  const one = useChoice(pair);
  const likeFirst = (found: Pair) => {
    const same = pair ? sameWords(one.words, pair, found) : [];
    return same.length ? same : strongestWord(found);
  };
  const second = useChoice(secondPair, likeFirst);
  // One image: one region. One caption: one choice of words.
  const other = {
    ...second,
    ...(compare === "caption" ? { region: one.region, setRegion: one.setRegion } : null),
    ...(compare === "image" && !together
      ? { words: one.words, toggle: one.toggle, choose: one.choose }
      : null),
  };
  const names: [string, string] = [
    nameOf(one.region, image.segments),
    nameOf(other.region, otherImage?.segments ?? []),
  ];

  let shown: [Shown, Shown] = [NOTHING, NOTHING];
  const relation = props.relation.value;
  if (two && together) {
    if (relation && pair && secondPair && fits(relation, compare, pair, secondPair)) {
      shown =
        compare === "image"
          ? shownOfImages(relation, [pair, secondPair], [one.region, other.region], names)
          : shownOfCaptions(relation, [pair, secondPair], [one.words, other.words]);
    }
  } else {
    shown = [
      pair ? shownOfPair(pair, one, names[0]) : NOTHING,
      secondPair ? shownOfPair(secondPair, other, names[1]) : NOTHING,
    ];
  }
  const peaks = sharedPeaks(two ? shown : [shown[0]]);
  const hasRegion = !(together && compare === "caption");
  const hasWords = !(together && compare === "image");
  const side = (
    at: 0 | 1,
    answer: Answer<Pair>,
    shownImage: ImagePayload,
    choice: SideProps["choice"],
  ): SideProps => ({
    image: shownImage,
    src: props.srcOf(shownImage.filepath),
    pair: at ? secondPair : pair,
    busy: answer.loading || (together && props.relation.loading),
    shown: shown[at],
    peaks,
    choice,
    blocks,
    outlines,
    onRegion: hasRegion ? choice.setRegion : null,
    onAnalyze: props.onAnalyze,
  });
  const left = side(0, props.first, image, one);
  const right = two && otherImage ? side(1, props.second, otherImage, other) : null;
  const entry = (
    <CaptionEntry
      caption={props.typed ?? image.caption}
      typed={props.typed !== null}
      onCaption={props.onCaption}
    />
  );
  const answers: Answer<unknown>[] = [props.first];
  if (two) answers.push(props.second);
  if (two && together) answers.push(props.relation);
  const errors = [props.error, ...answers.map(({ error }) => error)];
  const problem = [...new Set(errors)].filter(Boolean).join(" ");
  return (
    <Panel
      className="capviz-px"
      sheet={SHEET}
      cy="capviz-pair-explainer"
      label="Pair Explainer"
      palette={props.palette}
    >
      <div className="capviz-scroll" data-margins={props.onStep === null}>
        <Header
          image={image}
          onStep={props.onStep}
          onField={props.onField}
          onMismatches={props.onMismatches}
        />
        <SettingsBar
          settings={props.settings}
          methods={image.methods}
          encoder={image.encoder}
          encoders={image.encoders}
          layers={layers}
          onSettings={props.onSettings}
        />
        {problem ? (
          <div className="capviz-error" role="alert">
            <span style={{ flex: 1, minWidth: 180 }}>{problem}</span>
            <button type="button" onClick={props.onRetry}>
              Try again
            </button>
          </div>
        ) : null}
        <Waiting answers={answers} onCancel={props.onCancel} onConfirm={props.onConfirm} />
        <CompareBar
          compare={compare}
          together={together}
          caption={props.otherCaption}
          imageName={props.other && compare === "image" ? nameOfFile(props.other.filepath) : null}
          place={placeOf(props.other)}
          ticked={props.ticked}
          busy={two && props.second.loading}
          onCompare={props.onCompare}
          onTogether={props.onTogether}
          onCaption={props.onOtherCaption}
          onStep={props.onOtherStep}
          onTicked={props.onOtherTicked}
        />
        {two && together ? (
          <p className="capviz-small capviz-muted">
            {compare === "image"
              ? "Draw a box or click a segment in one image: the other shows what it has in common with it."
              : "Select words in one caption: the other’s words show what they have in common with them."}
          </p>
        ) : null}
        <div className="capviz-px-sides" data-two={right !== null}>
          <div className="capviz-px-column">
            <SidePicture {...left} />
            <div className="capviz-row capviz-small">
              <label>
                <input
                  type="checkbox"
                  checked={blocks}
                  data-cy="capviz-pair-blocks"
                  onChange={(event) => setBlocks(event.target.checked)}
                />
                Patches as they are
              </label>
              {image.segments.length ? (
                <label>
                  <input
                    type="checkbox"
                    checked={outlines}
                    data-cy="capviz-pair-outlines"
                    onChange={(event) => setOutlines(event.target.checked)}
                  />
                  Outlines
                </label>
              ) : null}
            </div>
            {right ? (
              <>
                {hasWords ? (
                  <SideWords {...left} title="First caption">
                    {entry}
                  </SideWords>
                ) : null}
                {pair && !together ? <ScoreCard pair={pair} title="First pair" /> : null}
                {together && relation ? (
                  <RelationCard
                    relation={relation}
                    between={compare === "image" ? "image" : "caption"}
                  />
                ) : null}
              </>
            ) : null}
          </div>
          {right ? (
            <div className="capviz-px-column">
              <SidePicture {...right} />
              {hasWords ? (
                <SideWords
                  {...right}
                  title={compare === "image" ? "The same caption" : "Second caption"}
                />
              ) : null}
              {secondPair && !together ? <ScoreCard pair={secondPair} title="Second pair" /> : null}
            </div>
          ) : (
            <div className="capviz-px-column">
              <SideWords {...left} title="Caption: select words">
                {entry}
              </SideWords>
              {pair ? <ScoreCard pair={pair} title="Does it add up?" /> : null}
            </div>
          )}
        </div>
        {pair && secondPair && !together && compare === "caption" ? (
          <CaptionDifference
            pairs={[pair, secondPair]}
            shown={shown}
            src={left.src}
            name={nameOfFile(image.filepath)}
            blocks={blocks}
          />
        ) : pair && secondPair && !together && compare === "image" ? (
          <ImageDifference pairs={[pair, secondPair]} shown={shown} />
        ) : null}
      </div>
    </Panel>
  );
}

/** What is known of the encoder's layers, also while the next explanation is on its way. */
function useLayers(pair: Pair | null, encoder: string): { count: number; usual: number } | null {
  const last = React.useRef<Pair | null>(null);
  if (pair) last.current = pair;
  const known = last.current;
  return known?.encoder === encoder ? { count: known.layers, usual: known.default_layer } : null;
}

/** Whether a relation belongs to the pairs that are shown: a late answer may not. */
function fits(relation: Relation, compare: Compare, first: Pair, second: Pair): boolean {
  const size = (pair: Pair) => (compare === "image" ? pair.grid ** 2 : pair.words.length);
  return relation.rows === size(first) && relation.columns === size(second);
}

function placeOf(image: ImagePayload | null): string | null {
  return image?.position == null ? null : `${image.position + 1} of ${image.total}`;
}
