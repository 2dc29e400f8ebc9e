/** The gallery's state: what is asked of Python, and when. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { latest } from "../../asking/latest";
import { inTurn } from "../../asking/turns";
import type { Call } from "../../host/panel";
import type { PanelData } from "../../host/plot";
import { check } from "../../payloads/check";
import {
  parseGallery,
  parseMethods,
  type Gallery,
  type Methods,
  type Shape,
} from "../../payloads/segment_gallery";
import type { GalleryActions, GalleryState, Settings } from "../model/state";
import { useReadings } from "./useReadings";

/** What the cards depend on: the panel asks again where it has not seen this version. */
export interface Versions {
  /** Told by Python. */
  focus?: number;
  scope?: string;
  /** The App's view, filters and lasso, as the browser has them. */
  seen?: string;
}

export interface Outside {
  recolorPlot: (steps: PanelData[]) => Promise<void>;
  openSample: (sampleId: string) => void;
}

interface Sample {
  seed: number;
  size: number;
  all: boolean;
}

export function useGallery(
  call: Call,
  versions: Versions,
  settings: Settings,
  setSettings: (change: (before: Settings) => Settings) => void,
  { recolorPlot, openSample }: Outside,
): { state: GalleryState; actions: GalleryActions } {
  const [error, setError] = useState<string | null>(null);
  const [color, setColor] = useState("");
  const [attempt, setAttempt] = useState(0);
  const [gallery, loading] = useDraw(call, versions, settings, attempt, setColor, setError);
  const [methods, onShape] = useMethods(call, gallery?.caption_field, attempt, setError);
  const chosen = useReadings(call, gallery, settings.choice, methods, attempt, onShape);

  const segmentsField = gallery?.segments_field ?? "";
  const actions = useMemo<GalleryActions>(
    () => ({
      set: (change) => setSettings((before) => ({ ...before, ...change })),
      redraw: () => setSettings((before) => ({ ...before, seed: before.seed + 1 })),
      retry: () => {
        setError(null);
        setAttempt((before) => before + 1);
      },
      recolor: (by) => {
        setColor(by);
        call("recolor", { by, segments_field: segmentsField })
          .then((reply) => check<{ recolor: PanelData[] }>("colors", reply, { recolor: "array" }))
          .then(({ recolor }) => recolorPlot(recolor))
          .then(
            () => setError(null),
            (failure: Error) => {
              setColor("");
              setError(failure.message);
            },
          );
      },
      analyze: () => {
        call("analyze").catch((failure: Error) => setError(failure.message));
      },
      open: openSample,
    }),
    [call, recolorPlot, openSample, segmentsField, setSettings],
  );
  const state = {
    gallery,
    methods,
    settings,
    loading,
    readings: chosen.readings,
    previous: chosen.previous,
    failures: chosen.failures,
    progress: chosen.progress,
    error: error ?? chosen.error,
    color,
  };
  return { state, actions };
}

/** The cards of a random sample, drawn again whenever what it is drawn from has changed. */
function useDraw(
  call: Call,
  versions: Versions,
  { seed, size, all }: Settings,
  attempt: number,
  setColor: (color: string) => void,
  setError: (error: string | null) => void,
): [Gallery | null, boolean] {
  const [gallery, setGallery] = useState<Gallery | null>(null);
  const [loading, setLoading] = useState(false);
  const seen = useRef<Gallery | null>(null);
  const asked = useRef("");
  const view = useRef(versions.seen);
  /** The view has changed since the last question, if only to and fro. */
  const changed = useRef(false);
  const draw = useMemo(
    () => latest((sample: Sample) => call("draw", { ...sample }).then(parseGallery)),
    [call],
  );
  useEffect(() => {
    const sample = `${seed} ${size} ${all} ${attempt}`;
    const same = asked.current === sample;
    if (view.current !== versions.seen) changed.current = true;
    view.current = versions.seen;
    const known =
      same &&
      !changed.current &&
      seen.current !== null &&
      (versions.focus === undefined || versions.focus === seen.current.focus_version) &&
      (versions.scope === undefined || versions.scope === seen.current.version);
    if (known) return;
    // A new view is counted by the Word Graph first: the gallery lets it have the server.
    const before = seen.current;
    const wait =
      same && before !== null && (versions.focus ?? before.focus_version) === before.focus_version;
    const ask = () => {
      asked.current = sample;
      changed.current = false;
      setLoading(true);
      draw({ seed, size, all }).then(
        (found) => {
          if (!found) return;
          const last = seen.current;
          seen.current = found;
          // The Word Graph colors the plot by attention when a word comes into focus.
          const focused = found.scope.words.length > 0;
          if (last && last.focus_version !== found.focus_version)
            setColor(focused ? "attention" : "");
          setGallery(found);
          setError(null);
          setLoading(false);
        },
        (failure: Error) => {
          setError(failure.message);
          setLoading(false);
        },
      );
    };
    if (!wait) return ask();
    let overtaken = false;
    void inTurn().then(() => overtaken || ask());
    return () => {
      overtaken = true;
    };
  }, [
    draw,
    seed,
    size,
    all,
    attempt,
    versions.focus,
    versions.scope,
    versions.seen,
    setColor,
    setError,
  ]);
  return [gallery, loading];
}

/** What is known of the models that a method may use, and a way to learn more. */
function useMethods(
  call: Call,
  captionField: string | undefined,
  attempt: number,
  setError: (error: string) => void,
): [Methods | null, (source: string, shape: Shape) => void] {
  const [methods, setMethods] = useState<Methods | null>(null);
  useEffect(() => {
    if (!captionField) return;
    call("methods", { caption_field: captionField })
      .then(parseMethods)
      .then(setMethods, (failure: Error) => setError(failure.message));
  }, [call, captionField, attempt, setError]);
  const onShape = useCallback(
    (source: string, shape: Shape) =>
      setMethods((before) => before && { ...before, [source === "lm" ? "lm" : "itm"]: shape }),
    [],
  );
  return [methods, onShape];
}
