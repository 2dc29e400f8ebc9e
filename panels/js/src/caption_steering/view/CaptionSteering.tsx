import { usePanelId } from "@fiftyone/spaces";
import * as React from "react";
import { check } from "../../payloads/check";
import { getSampleSrc, useApp } from "../../host/app";
import { useKeptFilters } from "../../host/keptFilters";
import { useCall, type PanelProps } from "../../host/panel";
import { usePalette } from "../../host/theme";
import type { BatchRequest } from "./ApplyCard";
import { CaptionSteeringView } from "./CaptionSteeringView";
import { NoImage } from "./NoImage";
import { sentSettings } from "../model/history";
import type { Candidate, JobData, StreamData } from "../../payloads/caption_steering";
import { labelOf } from "../model/scope";
import { useAttempts } from "./useAttempts";
import { useBatch } from "./useBatch";
import { useImage } from "./useImage";
import { useWord } from "./useWord";

interface Data {
  around?: { version: number };
  focus_version?: number;
  stream?: StreamData;
  job?: JobData;
}

/** The panel in the App: the modal's sample, or the selected or first one of the grid. */
export function CaptionSteering({ data, schema }: PanelProps<Data>) {
  const call = useCall(schema);
  const palette = usePalette();
  const panelId = usePanelId();
  const { inModal, modalId, among } = useApp();

  const keepFilters = useKeptFilters();
  const { state, open, renew } = useImage(call, panelId);
  const { image, place } = state;
  const attempts = useAttempts(call, panelId, image, place, data?.stream);
  const [flipped, setFlipped] = React.useState<Set<string>>(new Set());
  const [latestWork, setLatestWork] = React.useState<"image" | "batch">("image");
  const [note, setNote] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const listed = React.useMemo(() => (among.length > 1 ? among : []), [among]);
  const batch = useBatch(call, panelId, image?.caption_field, data?.job, async (step) => {
    setFlipped(new Set());
    if (step === "accept" || step === "undo") {
      keepFilters(); // the operator ends with a reload of the dataset
      attempts.forgetAttempt();
    }
    await renew({ among: listed });
    if (step === "steer") setLatestWork("batch");
  });
  const { settings } = attempts;
  const sought = useWord(call, image, place, settings, attempts.take);

  // Which sample: that of the modal, or the one ticked in the grid. Ticking many, a lasso or a
  // filter mean where the recipe goes: the image that it is made on stays.
  const look = React.useCallback(() => {
    if (!inModal) void renew({ among: listed, keep: true });
    else if (modalId) void renew({ sample_id: modalId });
  }, [inModal, modalId, listed, renew]);
  React.useEffect(() => {
    if (inModal && modalId) void open({ sample_id: modalId });
    else if (!inModal && among.length === 1) void open({ sample_id: among[0] });
    else look();
  }, [inModal, modalId, among, open, look]);

  // The view, the lasso or the focus changed: the first call only repeats what was asked above.
  const around = `${data?.around?.version ?? ""} ${data?.focus_version ?? ""}`;
  const known = React.useRef(around);
  const { askScopes, askCandidates } = batch;
  React.useEffect(() => {
    askScopes();
    if (known.current === around) return;
    known.current = around;
    look();
  }, [around, askScopes, look]);
  React.useEffect(askScopes, [among, askScopes]);

  const waiting = image?.batch?.waiting ?? 0;
  React.useEffect(() => {
    if (waiting) void askCandidates();
  }, [waiting, askCandidates]);
  // By what the user does: an answer may come late, after the work on many images was asked for.
  const onImage = <Args extends unknown[]>(act: (...args: Args) => void) => {
    return (...args: Args) => {
      setLatestWork("image");
      setNote(null);
      act(...args);
    };
  };

  if (!image) {
    return (
      <NoImage
        palette={palette}
        missing={state.missing}
        error={problem ?? state.error}
        onAnalyze={() => void call("analyze").catch((error: Error) => setProblem(error.message))}
        onRetry={() => {
          setProblem(null);
          void open({ sample_id: inModal ? modalId : null });
        }}
      />
    );
  }

  const { attempt } = attempts;
  const different = attempt !== null && attempt.text !== image.caption;
  const ofBatch = waiting > 0 && (latestWork === "batch" || !different);
  // Captions that say the word are chosen to begin with; a click flips one.
  const says = (one: Candidate) => one.says_word !== false;
  const isChosen = (one: Candidate) => says(one) !== flipped.has(one.sample_id);
  const turned = batch.candidates.filter((one) => flipped.has(one.sample_id));
  const chosenCount = turned.reduce(
    (count, one) => count + (says(one) ? -1 : 1),
    batch.waiting - batch.missed,
  );
  const many = (count: number) => `${count} caption${count === 1 ? "" : "s"}`;
  const accept = ofBatch ? `Accept all ${many(waiting)}` : different ? "Accept this caption" : null;

  const acceptAttempt = async () => {
    if (!attempt) return;
    setProblem(null);
    keepFilters();
    try {
      const reply = await call("accept_attempt", {
        sample_id: image.sample_id,
        caption_field: image.caption_field,
        text: attempt.text,
        prompt: attempt.prompt,
        itm: attempt.itm,
        dials: sentSettings(settings),
      });
      attempts.forgetAttempt();
      await renew({ among: listed });
      setNote(check<{ summary: string }>("the reply", reply, { summary: "string" }).summary);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const apply = (request: BatchRequest) => {
    setNote(null);
    batch.start("steer", {
      ...request,
      sample_id: image.sample_id,
      dials: sentSettings(settings),
      turned: settings.active,
      label: labelOf(settings.selections[settings.active], image.segments),
      word: sought.word.trim() || null,
    });
  };

  return (
    <CaptionSteeringView
      palette={palette}
      image={image}
      place={place}
      loading={
        state.loading === "models" && !place
          ? "Loading the models …"
          : state.loading === "image"
            ? "Opening …"
            : null
      }
      error={problem ?? state.error ?? attempts.error}
      settings={settings}
      attempt={attempt}
      growing={attempts.growing}
      busy={attempts.busy}
      live={attempts.live}
      history={attempts.history}
      word={sought.word}
      search={sought.search}
      searching={sought.searching}
      searchError={sought.error}
      suggestions={sought.suggestions}
      scopes={batch.scopes}
      job={batch.job}
      batchError={batch.error}
      message={note ?? batch.message}
      candidates={batch.candidates}
      waiting={batch.waiting}
      chosenCount={chosenCount}
      isChosen={isChosen}
      accept={accept}
      srcOf={getSampleSrc}
      onStep={
        inModal ? null : (step) => void open({ sample_id: image.sample_id, step, among: listed })
      }
      onRetry={() => {
        setProblem(null);
        void renew({ among: listed });
      }}
      onField={(field) => void open({ sample_id: image.sample_id, caption_field: field })}
      onSettings={onImage(attempts.change)}
      onLive={attempts.setLive}
      onGenerate={onImage(attempts.generate)}
      onCancel={attempts.cancel}
      onGoBack={onImage(attempts.goBack)}
      onWord={sought.setWord}
      onFind={onImage(() => void sought.find())}
      onTake={onImage(sought.take)}
      onApply={apply}
      onStop={batch.stop}
      onFlip={(id) =>
        setFlipped((before) => {
          const next = new Set(before);
          if (!next.delete(id)) next.add(id);
          return next;
        })
      }
      onOpen={(id) => void open({ sample_id: id, among: listed })}
      onMore={() => void askCandidates(batch.candidates.length)}
      onMisses={batch.showMisses}
      onAccept={() => (ofBatch ? batch.start("accept") : void acceptAttempt())}
      onAcceptChosen={() => batch.start("accept", { chosen: true, flipped: [...flipped] })}
      onDiscard={batch.discard}
      onUndo={() => {
        setNote(null);
        batch.start("undo");
      }}
    />
  );
}
