import * as React from "react";
import type { AppState } from "../../host/app";
import { useKeptFilters } from "../../host/keptFilters";
import type { Call } from "../../host/panel";
import type { JobData, StreamData } from "../../payloads/caption_steering";
import type { Flipped } from "../model/choice";
import { useAttempts } from "./useAttempts";
import { useBatch } from "./useBatch";
import { useImage, type OpenRequest } from "./useImage";
import { useWord } from "./useWord";

export interface Data {
  around?: { version: number };
  focus_version?: number;
  stream?: StreamData;
  job?: JobData;
}

export type Steering = ReturnType<typeof useSteering>;

/** All that the panel knows, and what it asks Python for. */
export function useSteering(
  call: Call,
  panelId: string,
  { inModal, modalId, among }: AppState,
  data: Data | undefined,
) {
  const keepFilters = useKeptFilters();
  const { state, open, renew } = useImage(call, panelId);
  const { image, place } = state;
  const attempts = useAttempts(call, panelId, image, place, data?.stream);
  const [flipped, setFlipped] = React.useState<Flipped>(new Set());
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
  const sought = useWord(call, image, place, attempts.settings, attempts.take);

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
  useSurroundings(data, among, batch.askScopes, look);

  const waiting = image?.batch?.waiting ?? 0;
  const { askCandidates } = batch;
  React.useEffect(() => {
    if (waiting) void askCandidates();
  }, [waiting, askCandidates]);

  const told = { latestWork, setLatestWork, note, setNote, problem, setProblem };
  const chosen = { flipped, setFlipped };
  const turn = (request: OpenRequest) => void open({ among: listed, ...request });
  return {
    state,
    open,
    renew,
    turn,
    listed,
    keepFilters,
    attempts,
    batch,
    sought,
    ...told,
    ...chosen,
  };
}

/** Asks again what the recipe may go to, and looks again at the image, when the App has changed. */
function useSurroundings(
  data: Data | undefined,
  among: string[],
  askScopes: () => void,
  look: () => void,
): void {
  // The view, the lasso or the focus changed: the first call only repeats what was asked above.
  const around = `${data?.around?.version ?? ""} ${data?.focus_version ?? ""}`;
  const known = React.useRef(around);
  React.useEffect(() => {
    askScopes();
    if (known.current === around) return;
    known.current = around;
    look();
  }, [around, askScopes, look]);
  React.useEffect(askScopes, [among, askScopes]);
}
