import * as React from "react";
import type {
  BatchReport,
  Candidate,
  JobData,
  Scope,
  SegmentSource,
} from "../../payloads/caption_steering";
import { accepting } from "../model/choice";
import { batchRemarks, likeliest, successText, type Choice } from "../model/scope";
import { formatWeight } from "../model/weight";
import { CandidateTable } from "./CandidateTable";

export interface BatchRequest {
  scope: Scope;
  source: SegmentSource;
  automatic: boolean;
}

/** What a user can do to many images. */
export interface BatchActions {
  onApply: (request: BatchRequest) => void;
  onStop: () => void;
  onFlip: (id: string) => void;
  onOpen: (id: string) => void;
  onMore: () => void;
  onMisses: () => void;
  onAcceptChosen: () => void;
  onDiscard: () => void;
}

interface Props extends BatchActions {
  scopes: Choice<Scope>[];
  sources: Choice<SegmentSource>[];
  weight: number;
  word: string;
  /** Why the recipe cannot be applied as it stands; null if it can. */
  refusal: (request: BatchRequest) => string | null;
  batch: BatchReport | null;
  job: JobData | null;
  error: string | null;
  candidates: Candidate[];
  waiting: number;
  chosenCount: number;
  chosenTheirs: number;
  isChosen: (candidate: Candidate) => boolean;
  srcOf: (filepath: string) => string;
}

/** The recipe for many images, its progress, and what came of it. */
export function ApplyCard(props: Props) {
  const { batch, job } = props;
  const target = useTarget(props);
  const { request } = target;
  const refusal = request ? props.refusal(request) : "There is no sample to apply it to.";
  return (
    <div className="capviz-card">
      <h3>Apply to many images</h3>
      <div className="capviz-row">
        <TargetChoices {...props} target={target} />
        <span className="capviz-row capviz-st-end">
          {job ? (
            <button type="button" data-cy="capviz-stop" onClick={props.onStop}>
              Stop
            </button>
          ) : null}
          <button
            type="button"
            className="capviz-primary"
            data-cy="capviz-apply"
            disabled={job !== null || refusal !== null}
            title={refusal ?? undefined}
            onClick={() => request && props.onApply(request)}
          >
            Apply to selection
          </button>
        </span>
      </div>
      {refusal && !batch ? (
        <p className="capviz-muted capviz-small" style={{ margin: "6px 0 0" }}>
          {refusal}
        </p>
      ) : null}
      {job ? <JobBar job={job} /> : null}
      {props.error ? (
        <p className="capviz-error" role="alert" style={{ margin: "8px 0 0" }}>
          {props.error}
        </p>
      ) : null}
      {batch && job?.step !== "steer" ? <Outcome {...props} batch={batch} /> : null}
    </div>
  );
}

/** Which samples, and where the weight goes in each: what the user chose, else what is likeliest. */
function useTarget({ scopes, sources, word }: Props) {
  const [scopeWish, setScope] = React.useState<Scope | null>(null);
  const [sourceWish, setSource] = React.useState<SegmentSource | null>(null);
  const [automatic, setAutomatic] = React.useState(false);
  const scope = (scopes.find(({ key }) => key === scopeWish) ?? scopes[0])?.key;
  const source = sources.find(({ key }) => key === sourceWish)?.key ?? likeliest(sources, scope);
  const onSegments = source !== "none" && source !== "patches";
  const request: BatchRequest | null = scope
    ? { scope, source, automatic: automatic && onSegments && word.trim() !== "" }
    : null;
  return { scope, setScope, source, setSource, automatic, setAutomatic, onSegments, request };
}

function TargetChoices(props: Props & { target: ReturnType<typeof useTarget> }) {
  const { scopes, sources, target } = props;
  const { scope, source, onSegments, request } = target;
  return (
    <>
      <Select
        label="To"
        name="capviz-scope"
        choices={scopes}
        value={scope}
        onPick={target.setScope}
      />
      <Select
        label={onSegments || source === "patches" ? "weight on" : "weight"}
        name="capviz-source"
        choices={sources}
        value={source}
        onPick={target.setSource}
      />
      {onSegments ? (
        <label title="For each image the smallest weight that says the wanted word">
          <input
            type="checkbox"
            checked={target.automatic && props.word.trim() !== ""}
            disabled={props.word.trim() === ""}
            data-cy="capviz-automatic"
            onChange={(event) => target.setAutomatic(event.target.checked)}
          />
          find the weight for each image
          {request?.automatic ? null : `, else ×${formatWeight(props.weight)}`}
        </label>
      ) : null}
    </>
  );
}

/** What came of it, and what to do with that. */
function Outcome(props: Props & { batch: BatchReport }) {
  const { batch, job } = props;
  return (
    <div style={{ marginTop: 10 }}>
      <div className="capviz-st-rate" data-cy="capviz-success-rate" role="status">
        {successText(batch)}
      </div>
      <div className="capviz-muted capviz-small">{batchRemarks(batch).join(" · ")}</div>
      <div className="capviz-row" style={{ marginTop: 8 }}>
        <button
          type="button"
          data-cy="capviz-accept-chosen"
          disabled={job !== null || props.chosenCount === 0}
          onClick={props.onAcceptChosen}
        >
          {accepting(`Accept chosen (${props.chosenCount})`, props.chosenTheirs)}
        </button>
        <button
          type="button"
          data-cy="capviz-discard"
          disabled={job !== null}
          onClick={props.onDiscard}
        >
          Discard all
        </button>
        {batch.misses + batch.failed > 0 ? (
          <button type="button" data-cy="capviz-failures" onClick={props.onMisses}>
            Show the {batch.misses + batch.failed} failures as a view
          </button>
        ) : null}
      </div>
      <CandidateTable {...props} />
    </div>
  );
}

const STEPS: Record<JobData["step"], string> = {
  steer: "Steering",
  accept: "Accepting",
  undo: "Undoing",
};

function JobBar({ job }: { job: JobData }) {
  const share = job.total ? job.done / job.total : 0;
  return (
    <div style={{ marginTop: 8 }}>
      <div
        className="capviz-st-bar"
        role="progressbar"
        aria-label={STEPS[job.step]}
        aria-valuenow={Math.round(share * 100)}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <span className="capviz-small capviz-muted">
        {STEPS[job.step]}: {job.label}
      </span>
    </div>
  );
}

function Select<Key extends string>(props: {
  label: string;
  name: string;
  choices: Choice<Key>[];
  value: Key | undefined;
  onPick: (key: Key) => void;
}) {
  return (
    <label>
      <span className="capviz-muted">{props.label}</span>
      <select
        value={props.value}
        data-cy={props.name}
        style={{ maxWidth: 230 }}
        onChange={(event) => props.onPick(event.target.value as Key)}
      >
        {props.choices.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
