import * as React from "react";
import { latest } from "../../asking/latest";
import { newId } from "../../asking/newId";
import { lostReason, noteLost, onLost } from "../../host/lostWork";
import type { Call } from "../../host/panel";
import { startOperator } from "../../host/startOperator";
import {
  parseCandidates,
  parseScopes,
  type Candidate,
  type CandidatesPayload,
  type JobData,
  type ScopesPayload,
} from "../../payloads/caption_steering";

export interface BatchWork {
  scopes: ScopesPayload | null;
  job: JobData | null;
  candidates: Candidate[];
  waiting: number;
  missed: number;
  theirs: number;
  missed_theirs: number;
  error: string | null;
  message: string | null;
  askScopes: () => void;
  askCandidates: (offset?: number) => Promise<void>;
  start: (step: JobData["step"], params?: Record<string, unknown>) => void;
  stop: () => void;
  discard: () => void;
  showMisses: () => void;
}

/** Work on many images: what it can be done on, how far it is, and what came of it. */
export function useBatch(
  call: Call,
  panelId: string,
  captionField: string | undefined,
  told: JobData | undefined,
  /** Called when captions or candidates have changed; the work counts as running until it ends. */
  onDone: (step: JobData["step"] | "discard") => Promise<void>,
): BatchWork {
  const [job, setJob] = React.useState<JobData | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const [message, setMessage] = React.useState<string | null>(null);
  const done = React.useRef(onDone);
  done.current = onDone;

  const params = React.useMemo(() => ({ caption_field: captionField }), [captionField]);
  const fail = React.useCallback((reason: unknown) => setError((reason as Error).message), []);
  const [scopes, askScopes] = useScopes(call, params, fail);
  const [page, askCandidates] = useCandidates(call, params, fail);

  const start = React.useCallback(
    (step: JobData["step"], extra: Record<string, unknown> = {}) => {
      const id = newId();
      setError(null);
      setMessage(null);
      setJob({ id, step, state: "running", done: 0, total: 0, label: "Starting", message: null });
      startOperator(
        "steer_selection",
        { ...params, ...extra, step, job: id, panel_id: panelId },
        (reason) => noteLost(id, reason),
      );
    },
    [params, panelId],
  );

  const lost = React.useSyncExternalStore(onLost, () => lostReason(job?.id));
  React.useEffect(() => {
    if (lost === null) return;
    setJob(null);
    setError(lost);
  }, [lost]);

  const news = told ? `${told.id} ${told.state} ${told.done}` : "";
  React.useEffect(() => {
    if (!told || lostReason(told.id) !== null) return;
    if (told.state === "running") {
      // Without a job of its own the panel has come back from behind another tab.
      if (!job || job.id === told.id) setJob(told);
      return;
    }
    if (told.id !== job?.id) return;
    if (told.state === "failed") setError(told.message);
    else setMessage(told.step === "steer" ? null : told.message);
    // The job ends when its result is there: what is shown of the last one would be out of date.
    void Promise.all([
      askCandidates(),
      told.state === "done" ? done.current(told.step) : undefined,
    ]).then(() => setJob((now) => (now?.id === told.id ? null : now)));
    // `told` has a new identity after every event; `news` says whether it changed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [news, askCandidates]);

  const discard = () => {
    call("discard", params).then(() => {
      void askCandidates();
      void done.current("discard");
    }, fail);
  };
  const stop = () => void call("cancel").catch(fail);
  const showMisses = () => void call("show_misses", params).catch(fail);
  const asks = { askScopes, askCandidates, start, stop, discard, showMisses };
  return { scopes, job, ...page, error, message, ...asks };
}

interface Params extends Record<string, unknown> {
  caption_field: string | undefined;
}

/** What the work can be done on. */
function useScopes(
  call: Call,
  params: Params,
  fail: (reason: unknown) => void,
): [ScopesPayload | null, () => void] {
  const [scopes, setScopes] = React.useState<ScopesPayload | null>(null);
  const askScopes = React.useMemo(() => {
    const ask = latest(() => call<unknown>("scopes", params).then(parseScopes));
    return () => {
      if (!params.caption_field) return;
      ask().then((found) => found && setScopes(found), fail);
    };
  }, [call, params, fail]);
  return [scopes, askScopes];
}

const NO_CANDIDATES: CandidatesPayload = {
  candidates: [],
  waiting: 0,
  missed: 0,
  theirs: 0,
  missed_theirs: 0,
};

/** The captions that wait, page by page. */
function useCandidates(
  call: Call,
  params: Params,
  fail: (reason: unknown) => void,
): [CandidatesPayload, (offset?: number) => Promise<void>] {
  const [page, setPage] = React.useState<CandidatesPayload>(NO_CANDIDATES);
  const askCandidates = React.useMemo(() => {
    const ask = latest((offset: number) =>
      call<unknown>("candidates", { ...params, offset }).then(parseCandidates),
    );
    return (offset = 0): Promise<void> =>
      ask(offset).then((found) => {
        if (!found) return;
        setPage((before) => ({
          ...found,
          candidates: offset ? [...before.candidates, ...found.candidates] : found.candidates,
        }));
      }, fail);
  }, [call, params, fail]);
  return [page, askCandidates];
}
