import * as React from "react";
import type { Attempt, Piece } from "../../payloads/caption_steering";

/** A caption whose new words are marked. Texts are shown as text, whatever they hold. */
export function MarkedText({ pieces }: { pieces: Piece[] }) {
  return (
    <>
      {pieces.map((piece, index) =>
        piece.is_new ? (
          <mark key={index} className="capviz-st-new">
            {piece.text}
          </mark>
        ) : (
          <React.Fragment key={index}>{piece.text}</React.Fragment>
        ),
      )}
    </>
  );
}

interface Scores {
  itm: number | null;
  log_likelihood: number | null;
}

interface Props {
  present: string | null;
  presentScores: Scores;
  attempt: Attempt | null;
  growing: string | null;
  busy: boolean;
}

/** The present caption above the new one, each with its scores. */
export function CaptionCard({ present, presentScores, attempt, growing, busy }: Props) {
  return (
    <div className="capviz-card">
      <h3>Caption now</h3>
      <p className="capviz-st-caption" data-cy="capviz-present-caption">
        {present || <span className="capviz-muted">none yet</span>}
      </p>
      <ScoreLine scores={presentScores} />
      <h3 style={SECOND}>
        New caption {busy ? <span className="capviz-spin" aria-label="Working" /> : null}
      </h3>
      <div aria-live="polite" aria-busy={busy}>
        <p
          className={`capviz-st-caption${growing === null ? "" : " capviz-st-caret"}`}
          data-cy="capviz-new-caption"
        >
          {growing ?? (attempt ? <MarkedText pieces={attempt.pieces} /> : null)}
        </p>
        {growing === null && !attempt ? (
          <p className="capviz-muted" style={{ margin: 0 }}>
            {busy ? "…" : "Select something or write a prompt, then generate."}
          </p>
        ) : null}
        {attempt && growing === null ? (
          <>
            <ScoreLine scores={attempt} before={presentScores} seconds={attempt.seconds} />
            {attempt.lost.length ? (
              <p className="capviz-small capviz-muted" style={{ margin: "4px 0 0" }}>
                No longer said: <span className="capviz-st-lost">{attempt.lost.join(", ")}</span>
              </p>
            ) : null}
          </>
        ) : null}
      </div>
    </div>
  );
}

const SECOND: React.CSSProperties = {
  marginTop: 10,
  paddingTop: 10,
  borderTop: "1px solid var(--capviz-line)",
};

function ScoreLine(props: { scores: Scores; before?: Scores; seconds?: number }) {
  const { scores, before, seconds } = props;
  return (
    <div className="capviz-st-scores">
      <span title="Probability that caption and image match">
        ITM <b>{scores.itm === null ? "–" : scores.itm.toFixed(3)}</b>
        <Change now={scores.itm} was={before?.itm} digits={3} />
      </span>
      <span title="Mean log-probability per token after the prompt, without patch weights">
        log-likelihood{" "}
        <b>{scores.log_likelihood === null ? "–" : scores.log_likelihood.toFixed(2)}</b>
        <Change now={scores.log_likelihood} was={before?.log_likelihood} digits={2} />
      </span>
      {seconds ? <span>{Math.round(seconds * 1000)} ms</span> : null}
    </div>
  );
}

function Change(props: { now: number | null; was?: number | null; digits: number }) {
  const { now, was, digits } = props;
  if (now === null || was === null || was === undefined) return null;
  const difference = now - was;
  if (Math.abs(difference) < 0.5 * 10 ** -digits) return null;
  const better = difference > 0;
  return (
    <span className={better ? "capviz-st-up" : "capviz-st-down"}>
      {" "}
      {better ? "▲" : "▼"} {Math.abs(difference).toFixed(digits)}
    </span>
  );
}
