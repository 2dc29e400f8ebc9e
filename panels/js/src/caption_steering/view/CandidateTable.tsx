import * as React from "react";
import type { Candidate } from "../../payloads/caption_steering";
import { MarkedText } from "./CaptionCard";

interface Props {
  candidates: Candidate[];
  waiting: number;
  isChosen: (candidate: Candidate) => boolean;
  srcOf: (filepath: string) => string;
  onFlip: (id: string) => void;
  onOpen: (id: string) => void;
  onMore: () => void;
}

/** The waiting captions, those without the wanted word first. */
export function CandidateTable(props: Props) {
  const { candidates, waiting } = props;
  if (!candidates.length) return null;
  return (
    <div className="capviz-st-rows">
      <table className="capviz-st-table" data-cy="capviz-candidates">
        <tbody>
          {candidates.map((one) => (
            <tr key={one.sample_id} data-cy="capviz-candidate">
              <td style={{ width: 26 }}>
                <input
                  type="checkbox"
                  checked={props.isChosen(one)}
                  aria-label={`Choose the new caption of ${nameOf(one.filepath)}`}
                  onChange={() => props.onFlip(one.sample_id)}
                />
              </td>
              <td style={{ width: 56 }}>
                <button
                  type="button"
                  className="capviz-quiet"
                  style={{ padding: 0 }}
                  aria-label={`Steer ${nameOf(one.filepath)}`}
                  onClick={() => props.onOpen(one.sample_id)}
                >
                  <img src={props.srcOf(one.filepath)} alt="" loading="lazy" />
                </button>
              </td>
              <td>
                <div style={{ fontSize: 13 }}>
                  <MarkedText pieces={one.pieces} />
                </div>
                <div className="capviz-muted">{one.present}</div>
              </td>
              <td style={{ width: 52, textAlign: "right" }} className="capviz-muted">
                {one.itm === null ? "" : one.itm.toFixed(2)}
              </td>
              <td style={{ width: 24 }}>
                {one.says_word === null ? null : one.says_word ? (
                  <span className="capviz-st-up" title="Says the wanted word">
                    ✓
                  </span>
                ) : (
                  <span className="capviz-st-down" title="Does not say the wanted word">
                    ✗
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {candidates.length < waiting ? (
        <button type="button" className="capviz-quiet" onClick={props.onMore}>
          {waiting - candidates.length} more …
        </button>
      ) : null}
    </div>
  );
}

function nameOf(filepath: string): string {
  return filepath.split(/[\\/]/).pop() ?? filepath;
}
