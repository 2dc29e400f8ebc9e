import * as React from "react";
import { getSampleSrc, useApp } from "../../host/app";
import { useCall, type PanelProps } from "../../host/panel";
import { usePalette } from "../../host/theme";
import { typedFor, type Entered } from "../model/typed";
import { NoImage } from "./NoImage";
import { PairExplainerView } from "./PairExplainerView";
import { useBeside } from "./useBeside";
import { settingsAsked, useAnswers, type Settings } from "./usePair";
import { useShownSample } from "./useSample";

interface Data {
  around?: { version: number };
}

const SETTINGS: Settings = { encoder: null, method: "second_order", layer: null };

/** The panel in the App: the modal's sample, or the selected or first one of the grid. */
export function PairExplainer({ data, schema }: PanelProps<Data>): React.ReactElement {
  const call = useCall(schema);
  const palette = usePalette();
  const app = useApp();
  const sample = useShownSample(call, app, data?.around?.version);
  const { state, sampleId } = sample;
  const { image } = state;
  const [settings, setSettings] = React.useState(SETTINGS);
  const [entered, setEntered] = React.useState<Entered | null>(null);
  const [together, setTogether] = React.useState(false);
  const [attempt, setAttempt] = React.useState(0);
  const [problem, setProblem] = React.useState<string | null>(null);
  // What is shown belongs to the field that the image came with, until the next one is there.
  const field = image?.caption_field ?? null;
  const typed = typedFor(entered, sampleId, field);
  const beside = useBeside(call, sampleId, sample.field);
  const { compare } = beside;
  const other = beside.state.image;
  const question = {
    sampleId,
    field,
    caption: typed ?? image?.caption ?? null,
    settings: settingsAsked(settings, image?.encoder ?? null, image?.methods ?? []),
    beside: { compare, together, sampleId: other?.sample_id ?? null, caption: beside.caption },
  };
  const answers = useAnswers(call, question, attempt);
  const asked = [answers.first, answers.second, answers.relation];
  const begin = (event: string) =>
    void call(event).catch((error: Error) => setProblem(error.message));

  if (!image) {
    const { missing, error } = state;
    return <NoImage palette={palette} missing={missing} error={error} onRetry={sample.retry} />;
  }
  const tickedOther = app.among.find((id) => id !== sampleId) ?? null;
  return (
    <PairExplainerView
      palette={palette}
      image={image}
      other={other}
      {...answers}
      error={problem ?? state.error ?? beside.state.error}
      {...{ typed, compare, together, settings }}
      otherCaption={beside.caption}
      ticked={tickedOther !== null}
      srcOf={getSampleSrc}
      onStep={app.inModal ? null : sample.step}
      onField={sample.setField}
      onCaption={(text) => setEntered(text === null ? null : { sampleId, field, text })}
      onSettings={setSettings}
      onCompare={beside.changeCompare}
      onTogether={setTogether}
      onOtherCaption={beside.setCaption}
      onOtherStep={beside.step}
      onOtherTicked={() => beside.take(tickedOther)}
      onAnalyze={() => begin("analyze")}
      onMismatches={() => begin("find_mismatches")}
      onCancel={() => asked.forEach(({ cancel }) => cancel())}
      onConfirm={() => asked.forEach(({ wait, confirm }) => wait !== null && confirm())}
      onRetry={() => {
        setProblem(null);
        setAttempt((now) => now + 1);
      }}
    />
  );
}
