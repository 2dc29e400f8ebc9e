import * as React from "react";
import type { ImagePayload } from "../../payloads/pair_explainer";
import type { Palette } from "../../ui/palette";
import { Panel } from "../../ui/Panel";
import type { Pair } from "../model/maps";
import type { Compare } from "../model/shown";
import { CaptionEntry } from "./CaptionEntry";
import { Columns } from "./Columns";
import { CompareBar } from "./CompareBar";
import { CaptionDifference, ImageDifference } from "./Difference";
import { Header } from "./Header";
import { SettingsBar } from "./SettingsBar";
import { nameOfFile } from "./Side";
import { SHEET } from "./style";
import type { Answer, Settings } from "./usePair";
import { useSides, type Sides, type SidesProps } from "./useSides";
import { Waiting } from "./Waiting";

export interface ViewProps extends SidesProps {
  palette: Palette;
  error: string | null;
  /** The caption in use where it is not the sample's own. */
  typed: string | null;
  otherCaption: string;
  ticked: boolean;
  settings: Settings;
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
  onCancel: () => void;
  onConfirm: () => void;
  onRetry: () => void;
}

/** The whole panel, from what it is given. */
export function PairExplainerView(props: ViewProps): React.ReactElement {
  const { image, compare, together, relation } = props;
  const sides = useSides(props);
  const entry = (
    <CaptionEntry
      caption={props.typed ?? image.caption}
      typed={props.typed !== null}
      onCaption={props.onCaption}
    />
  );
  return (
    <Panel
      className="capviz-px"
      sheet={SHEET}
      cy="capviz-pair-explainer"
      label="Pair Explainer"
      palette={props.palette}
    >
      <div className="capviz-scroll" data-margins={props.onStep === null}>
        <Bars {...props} pair={sides.pair} />
        {compare !== "none" && together ? (
          <p className="capviz-small capviz-muted">
            {compare === "image"
              ? "Draw a box or click a segment in one image: the other shows what it has in common with it."
              : "Select words in one caption: the other’s words show what they have in common with them."}
          </p>
        ) : null}
        <Columns {...{ sides, compare, together, entry }} relation={relation.value} />
        <Differences {...{ sides, compare, together, image }} />
      </div>
    </Panel>
  );
}

/** Which sample, how it is explained and with what compared; problems and waits. */
function Bars(props: ViewProps & { pair: Pair | null }): React.ReactElement {
  const { image, compare, together, pair } = props;
  const two = compare !== "none";
  const layers = useLayers(pair, props.settings.encoder ?? image.encoder);
  const answers: Answer<unknown>[] = [props.first];
  if (two) answers.push(props.second);
  if (two && together) answers.push(props.relation);
  const errors = [props.error, ...answers.map(({ error }) => error)];
  const problem = [...new Set(errors)].filter(Boolean).join(" ");
  return (
    <>
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
    </>
  );
}

/** Where the first side counts more than the second, while each shows its own pair. */
function Differences(props: {
  sides: Sides;
  compare: Compare;
  together: boolean;
  image: ImagePayload;
}): React.ReactElement | null {
  const { pair, secondPair, shown, left, blocks } = props.sides;
  if (!pair || !secondPair || props.together) return null;
  if (props.compare === "image")
    return <ImageDifference pairs={[pair, secondPair]} shown={shown} />;
  if (props.compare !== "caption") return null;
  return (
    <CaptionDifference
      pairs={[pair, secondPair]}
      shown={shown}
      src={left.src}
      name={nameOfFile(props.image.filepath)}
      blocks={blocks}
    />
  );
}

/** What is known of the encoder's layers, also while the next explanation is on its way. */
function useLayers(pair: Pair | null, encoder: string): { count: number; usual: number } | null {
  const last = React.useRef<Pair | null>(null);
  if (pair) last.current = pair;
  const known = last.current;
  return known?.encoder === encoder ? { count: known.layers, usual: known.default_layer } : null;
}

function placeOf(image: ImagePayload | null): string | null {
  return image?.position == null ? null : `${image.position + 1} of ${image.total}`;
}
