import * as React from "react";
import type { SearchPayload, Trial } from "../../payloads/caption_steering";
import { formatWeight } from "../model/weight";
import { WeightChart } from "./WeightChart";

interface Props {
  word: string;
  search: SearchPayload | null;
  searching: boolean;
  error: string | null;
  ready: boolean;
  selected: boolean;
  onWord: (word: string) => void;
  onFind: () => void;
  onTake: (trial: Trial) => void;
}

/** The wanted word, and the smallest weight that says it. */
export function FindWeight(props: Props) {
  const { search, word } = props;
  const able = props.ready && props.selected && word.trim() !== "" && !props.searching;
  return (
    <form
      className="capviz-card"
      onSubmit={(event) => {
        event.preventDefault();
        if (able) props.onFind();
      }}
    >
      <h3>Find the weight for a word</h3>
      <div className="capviz-row" style={{ flexWrap: "nowrap" }}>
        <input
          type="text"
          className="capviz-st-grow"
          value={word}
          placeholder="wanted word, for example hat"
          data-cy="capviz-wanted-word"
          aria-label="Wanted word"
          onChange={(event) => props.onWord(event.target.value)}
          onKeyDown={(event) => event.stopPropagation()}
        />
        <button type="submit" data-cy="capviz-find-weight" disabled={!able}>
          {props.searching ? "Searching …" : "Find weight"}
        </button>
      </div>
      {props.error ? (
        <p className="capviz-error" role="alert" style={{ margin: "8px 0 0" }}>
          {props.error}
        </p>
      ) : null}
      {search ? (
        <>
          <p style={{ margin: "8px 0 0" }} aria-live="polite" data-cy="capviz-found-weight">
            {verdict(search)}
          </p>
          <WeightChart search={search} onTake={props.onTake} />
        </>
      ) : props.selected ? null : (
        <p className="capviz-muted capviz-small" style={{ margin: "6px 0 0" }}>
          Select the segment or the patches of what the word names.
        </p>
      )}
    </form>
  );
}

function verdict({ best, trials, word }: SearchPayload): string {
  if (best === null) {
    const most = formatWeight(trials[trials.length - 1].weight);
    return trials.some((trial) => trial.says_word)
      ? `Some weights say “${word}”, but the caption suffers. Click a point to take its weight anyway.`
      : `No weight up to ×${most} says “${word}”. A prompt may: see the suggestions above.`;
  }
  const weight = trials[best].weight;
  return weight === 1
    ? `“${word}” needs no weight: the caption says it already.`
    : `×${formatWeight(weight)} is the smallest weight that says “${word}” without hurting the caption.`;
}
