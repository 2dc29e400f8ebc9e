import * as React from "react";
import { cssColor, signedColor } from "../../heat/scale";
import type { Word } from "../../payloads/pair_explainer";
import { signed } from "../model/numbers";

export interface CaptionWordsProps {
  caption: string;
  words: Word[];
  chosen: ReadonlySet<number>;
  /** What each word gets; colors and numbers follow it. Empty where words get nothing. */
  scores: number[];
  peak: number;
  /** What the numbers are, for readers of the screen. */
  from: string;
  label: string;
  onToggle: (word: number) => void;
}

/** A caption whose words can be switched on and off, colored by what they get. */
export function CaptionWords(props: CaptionWordsProps): React.ReactElement {
  const { caption, words, chosen, scores, peak } = props;
  const parts: React.ReactNode[] = [];
  let end = 0;
  words.forEach((word, index) => {
    if (word.start > end) parts.push(caption.slice(end, word.start));
    end = word.end;
    const { read } = word;
    const score: number | undefined = read ? scores[index] : undefined;
    const tint = score && peak > 0 ? cssColor(signedColor, score / peak, 0.62) : "transparent";
    parts.push(
      <button
        key={word.start}
        type="button"
        className="capviz-px-word"
        data-cy="capviz-pair-word"
        data-content={word.content}
        data-sign={Math.sign(score ?? 0)}
        data-read={read}
        aria-pressed={chosen.has(index)}
        aria-label={
          score === undefined ? word.text : `${word.text}, ${signed(score)} from ${props.from}`
        }
        disabled={!read}
        title={read ? undefined : "beyond what the encoder reads: no attribution"}
        style={{ "--tint": tint } as React.CSSProperties}
        onClick={() => props.onToggle(index)}
      >
        {word.text}
        {score === undefined ? null : <small>{signed(score)}</small>}
      </button>,
    );
  });
  if (end < caption.length) parts.push(caption.slice(end));
  return (
    <div className="capviz-px-caption" role="group" aria-label={props.label}>
      {parts}
    </div>
  );
}
