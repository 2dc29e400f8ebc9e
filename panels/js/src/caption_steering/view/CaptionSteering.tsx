import { usePanelId } from "@fiftyone/spaces";
import * as React from "react";
import { getSampleSrc, useApp } from "../../host/app";
import { useCall, type Call, type PanelProps } from "../../host/panel";
import { usePalette } from "../../host/theme";
import type { ImagePayload } from "../../payloads/caption_steering";
import { check } from "../../payloads/check";
import { accepting, chosenCount, chosenTheirs, flip, isChosen } from "../model/choice";
import { labelOf } from "../model/scope";
import { sentSettings } from "../model/settings";
import type { BatchRequest } from "./ApplyCard";
import { CaptionSteeringView, type ViewProps } from "./CaptionSteeringView";
import { NoImage } from "./NoImage";
import { useSteering, type Data, type Steering } from "./useSteering";

/** The panel in the App: the modal's sample, or the selected or first one of the grid. */
export function CaptionSteering({ data, schema }: PanelProps<Data>) {
  const call = useCall(schema);
  const palette = usePalette();
  const app = useApp();
  const steering = useSteering(call, usePanelId(), app, data);
  const { state, open, problem, setProblem } = steering;
  const { image } = state;
  if (!image) {
    return (
      <NoImage
        palette={palette}
        missing={state.missing}
        error={problem ?? state.error}
        onAnalyze={() => void call("analyze").catch((error: Error) => setProblem(error.message))}
        onRetry={() => {
          setProblem(null);
          void open({ sample_id: app.inModal ? app.modalId : null });
        }}
      />
    );
  }
  return (
    <CaptionSteeringView
      palette={palette}
      srcOf={getSampleSrc}
      {...imageProps(steering, image, app.inModal)}
      {...attemptProps(steering)}
      {...wordProps(steering)}
      {...batchProps(steering, image)}
      {...decisionProps(steering, image, call)}
    />
  );
}

// By what the user does: an answer may come late, after the work on many images was asked for.
function onImage<Args extends unknown[]>(
  { setLatestWork, setNote }: Steering,
  act: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    setLatestWork("image");
    setNote(null);
    act(...args);
  };
}

/** Which image, and the way to others. */
function imageProps(steering: Steering, image: ImagePayload, inModal: boolean) {
  const { state, open, turn, renew, listed, attempts, problem, setProblem } = steering;
  const { loading, place } = state;
  return {
    image,
    place,
    loading:
      loading === "models" && !place
        ? "Loading the models …"
        : loading === "image"
          ? "Opening …"
          : null,
    error: problem ?? state.error ?? attempts.error,
    onStep: inModal ? null : (step) => turn({ sample_id: image.sample_id, step }),
    onRetry: () => {
      setProblem(null);
      void renew({ among: listed });
    },
    onField: (field) => void open({ sample_id: image.sample_id, caption_field: field }),
    onOpen: (id) => turn({ sample_id: id }),
  } satisfies Partial<ViewProps>;
}

/** The settings, and the captions that they have led to. */
function attemptProps(steering: Steering) {
  const { attempts } = steering;
  return {
    settings: attempts.settings,
    attempt: attempts.attempt,
    growing: attempts.growing,
    busy: attempts.busy,
    live: attempts.live,
    history: attempts.history,
    onSettings: onImage(steering, attempts.change),
    onLive: attempts.setLive,
    onGenerate: onImage(steering, attempts.generate),
    onCancel: attempts.cancel,
    onGoBack: onImage(steering, attempts.goBack),
  } satisfies Partial<ViewProps>;
}

/** The wanted word, and the search for its weight. */
function wordProps(steering: Steering) {
  const { sought } = steering;
  return {
    word: sought.word,
    search: sought.search,
    searching: sought.searching,
    searchError: sought.error,
    suggestions: sought.suggestions,
    onWord: sought.setWord,
    onFind: onImage(steering, () => void sought.find()),
    onTake: onImage(steering, sought.take),
  } satisfies Partial<ViewProps>;
}

/** The recipe for many images, and the captions that wait. */
function batchProps(steering: Steering, image: ImagePayload) {
  const { batch, sought, flipped, setFlipped, setNote } = steering;
  const { settings } = steering.attempts;
  return {
    scopes: batch.scopes,
    job: batch.job,
    batchError: batch.error,
    candidates: batch.candidates,
    waiting: batch.waiting,
    chosenCount: chosenCount(batch, flipped),
    chosenTheirs: chosenTheirs(batch, flipped),
    isChosen: (one) => isChosen(one, flipped),
    onApply: (request: BatchRequest) => {
      setNote(null);
      batch.start("steer", {
        ...request,
        sample_id: image.sample_id,
        dials: sentSettings(settings),
        turned: settings.active,
        label: labelOf(settings.selections[settings.active], image.segments),
        word: sought.word.trim() || null,
      });
    },
    onStop: batch.stop,
    onFlip: (id) => setFlipped((before) => flip(before, id)),
    onMore: () => void batch.askCandidates(batch.candidates.length),
    onMisses: batch.showMisses,
    onAcceptChosen: () => batch.start("accept", { chosen: true, flipped: [...flipped] }),
    onDiscard: batch.discard,
  } satisfies Partial<ViewProps>;
}

/** What *Accept* and *Undo* would do: to all captions that wait, or to this image's. */
function decisionProps(steering: Steering, image: ImagePayload, call: Call) {
  const { attempts, batch, latestWork, note, setNote } = steering;
  const { attempt } = attempts;
  const waiting = image.batch?.waiting ?? 0;
  const different = attempt !== null && attempt.text !== image.caption;
  const ofBatch = waiting > 0 && (latestWork === "batch" || !different);
  const many = (count: number) => `${count} caption${count === 1 ? "" : "s"}`;
  return {
    message: note ?? batch.message,
    accept: ofBatch
      ? accepting(`Accept all ${many(waiting)}`, image.batch?.theirs ?? 0)
      : different
        ? accepting("Accept this caption", image.theirs ? 1 : 0)
        : null,
    onAccept: () => (ofBatch ? batch.start("accept") : void acceptAttempt(steering, image, call)),
    onUndo: () => {
      setNote(null);
      batch.start("undo");
    },
  } satisfies Partial<ViewProps>;
}

/** Makes the caption that was tried the sample's own. */
async function acceptAttempt(steering: Steering, image: ImagePayload, call: Call): Promise<void> {
  const { attempts, listed, keepFilters, renew, setNote, setProblem } = steering;
  const { attempt, settings } = attempts;
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
}
