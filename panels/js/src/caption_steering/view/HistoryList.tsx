import * as React from "react";
import type { Attempt } from "../../payloads/caption_steering";
import type { Entry } from "../model/history";
import { isEmpty } from "../model/selections";
import { formatWeight } from "../model/weight";
import { MarkedText } from "./CaptionCard";

interface Props {
  history: Entry[];
  attempt: Attempt | null;
  onGoBack: (entry: Entry) => void;
}

/** What was tried on this image, newest first; a click brings its settings back. */
export function HistoryList({ history, attempt, onGoBack }: Props) {
  return (
    <div className="capviz-card" data-cy="capviz-history">
      <h3>Attempts{history.length ? ` (${history.length})` : ""}</h3>
      {history.length === 0 ? (
        <p className="capviz-muted capviz-small" style={{ margin: 0 }}>
          New captions of this image are kept here, to go back to.
        </p>
      ) : (
        <ul className="capviz-st-list capviz-st-past">
          {history.map((entry) => (
            <li key={entry.id}>
              <button
                type="button"
                data-cy="capviz-attempt"
                aria-current={entry.attempt === attempt}
                onClick={() => onGoBack(entry)}
              >
                <MarkedText pieces={entry.attempt.pieces} />
                <div className="capviz-small capviz-muted">{describe(entry)}</div>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function describe({ attempt, settings }: Entry): string {
  const weights = settings.selections
    .filter((one) => !isEmpty(one) && one.weight !== 1)
    .map((one) => `×${formatWeight(one.weight)}`);
  const parts = [
    settings.prompt.trim() ? `“${settings.prompt.trim()} …”` : "",
    weights.length ? `${weights.join(" ")} ${settings.method}` : "",
    attempt.itm === null ? "" : `ITM ${attempt.itm.toFixed(3)}`,
  ];
  return parts.filter(Boolean).join(" · ");
}
