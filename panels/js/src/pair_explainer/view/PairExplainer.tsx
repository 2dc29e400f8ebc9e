import * as React from "react";
import { useCall, type PanelProps } from "../../host/panel";
import { usePalette } from "../../host/theme";
import { getSampleSrc, useApp } from "../../host/app";
import { NoImage } from "./NoImage";
import { PairExplainerView } from "./PairExplainerView";
import type { Compare } from "../model/shown";
import { typedFor, type Entered } from "../model/typed";
import { settingsAsked, usePair, useRelation, type PairRequest, type Settings } from "./usePair";
import { useSample } from "./useSample";

interface Data {
  around?: { version: number };
}

const SETTINGS: Settings = { encoder: null, method: "second_order", layer: null };

/** The panel in the App: the modal's sample, or the selected or first one of the grid. */
export function PairExplainer({ data, schema }: PanelProps<Data>): React.ReactElement {
  const call = useCall(schema);
  const palette = usePalette();
  const { inModal, modalId, among } = useApp();
  const listed = React.useMemo(() => (among.length > 1 ? among : []), [among]);

  const { state, open } = useSample(call);
  const second = useSample(call);
  const { image } = state;
  const other = second.state.image;
  const [field, setField] = React.useState<string | null>(null);
  const [settings, setSettings] = React.useState(SETTINGS);
  const [entered, setEntered] = React.useState<Entered | null>(null);
  const [compare, setCompare] = React.useState<Compare>("none");
  const [together, setTogether] = React.useState(false);
  const [otherCaption, setOtherCaption] = React.useState("");
  const [attempt, setAttempt] = React.useState(0);
  const [problem, setProblem] = React.useState<string | null>(null);

  // Which sample: once at the start, and whenever the user turns to another one.
  React.useEffect(() => {
    if (inModal) {
      if (modalId) void open({ sample_id: modalId, caption_field: field });
    } else void open({ sample_id: among[0] ?? null, among: listed, caption_field: field });
  }, [inModal, modalId, among, listed, field, open]);
  const sampleId = image?.sample_id ?? null;
  // What is shown belongs to the field that the image came with, until the next one is there.
  const shownField = image?.caption_field ?? null;
  const typed = typedFor(entered, sampleId, shownField);

  const around = data?.around?.version;
  const known = React.useRef(around);
  React.useEffect(() => {
    if (known.current === around) return;
    known.current = around;
    const keep = !inModal;
    void open({ sample_id: sampleId, caption_field: field, among: listed, keep });
  }, [around, open, sampleId, field, listed, inModal]);

  // The sample whose image, or whose caption, stands beside: at first the next one.
  const openOther = second.open;
  const beside = (step: -1 | 1, from: string | null) =>
    void openOther({ sample_id: from, step, caption_field: field });
  const takes = React.useRef(false);
  React.useEffect(() => {
    if (!takes.current || compare !== "caption" || !other) return;
    takes.current = false;
    if (other.caption) setOtherCaption(other.caption);
  }, [other, compare]);
  const changeCompare = (to: Compare) => {
    setCompare(to);
    if (to === "none" || (to === "caption" && otherCaption)) return;
    takes.current = to === "caption";
    if (to === "image" || !otherCaption) beside(1, sampleId);
  };

  const caption = typed ?? image?.caption ?? null;
  const chosen = settingsAsked(settings, image?.encoder ?? null, image?.methods ?? []);
  const ask = (id: string | null, text: string | null): PairRequest | null =>
    id && text
      ? { sample_id: id, caption_field: shownField, caption: text, settings: chosen }
      : null;
  const asked = ask(sampleId, caption);
  const otherId = compare === "image" ? (other?.sample_id ?? null) : sampleId;
  const asked2 =
    compare === "none" ? null : ask(otherId, compare === "image" ? caption : otherCaption.trim());
  const first = usePair(call, asked, attempt);
  const beyond = usePair(call, asked2, attempt);
  const related =
    !together || !asked || !asked2
      ? null
      : compare === "image"
        ? { sample_id: sampleId, other_id: otherId, settings: chosen }
        : { caption: asked.caption, other_caption: asked2.caption, settings: chosen };
  const relation = useRelation(call, related, attempt);
  const answers = [first, beyond, relation];

  if (!image) {
    return (
      <NoImage
        palette={palette}
        missing={state.missing}
        error={state.error}
        onRetry={() => void open({ sample_id: inModal ? modalId : null, caption_field: field })}
      />
    );
  }
  const tickedOther = among.find((id) => id !== sampleId) ?? null;
  return (
    <PairExplainerView
      palette={palette}
      image={image}
      other={other}
      first={first}
      second={beyond}
      relation={relation}
      error={problem ?? state.error ?? second.state.error}
      typed={typed}
      compare={compare}
      together={together}
      otherCaption={otherCaption}
      ticked={tickedOther !== null}
      settings={settings}
      srcOf={getSampleSrc}
      onStep={
        inModal
          ? null
          : (step) => void open({ sample_id: sampleId, step, among: listed, caption_field: field })
      }
      onField={setField}
      onCaption={(text) => setEntered(text === null ? null : { sampleId, field: shownField, text })}
      onSettings={setSettings}
      onCompare={changeCompare}
      onTogether={setTogether}
      onOtherCaption={setOtherCaption}
      onOtherStep={(step) => {
        takes.current = compare === "caption";
        beside(step, other?.sample_id ?? sampleId);
      }}
      onOtherTicked={() => {
        takes.current = compare === "caption";
        void openOther({ sample_id: tickedOther, caption_field: field });
      }}
      onAnalyze={() => void call("analyze").catch((error: Error) => setProblem(error.message))}
      onMismatches={() =>
        void call("find_mismatches").catch((error: Error) => setProblem(error.message))
      }
      onCancel={() => answers.forEach(({ cancel }) => cancel())}
      onConfirm={() => answers.forEach(({ wait, confirm }) => wait !== null && confirm())}
      onRetry={() => {
        setProblem(null);
        setAttempt((now) => now + 1);
      }}
    />
  );
}
