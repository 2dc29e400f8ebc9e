import * as React from "react";
import type { Card, Reading } from "../../payloads/segment_gallery";
import type { Palette } from "../../ui/palette";
import { NOT_SEEN, percent, relativeScore } from "../model/messages";
import { CardCaption } from "./CardCaption";
import { CardPictures } from "./CardPictures";

export interface SegmentCardProps {
  card: Card;
  reading: Reading | null;
  failure: string | null;
  waiting: boolean;
  focus: string[];
  signed: boolean;
  width: number;
  palette: Palette;
  src: string;
  onOpen: (sampleId: string) => void;
  onMove: (key: string) => boolean;
}

/** One segment: its pictures, its caption, its numbers. Enter or a click opens the sample. */
export function SegmentCard(props: SegmentCardProps): React.ReactElement {
  const { card, reading, palette } = props;
  const [picked, setPicked] = React.useState<number | null>(null);
  const word = picked ?? wordInFocus(card, reading, props.focus);
  const open = () => props.onOpen(card.sample_id);
  return (
    <article
      className="capviz-sg-card"
      data-cy="capviz-segment-card"
      data-label-id={card.label_id}
      data-sample-id={card.sample_id}
      role="listitem"
      data-seen={reading?.seen ?? true}
      tabIndex={0}
      aria-label={`Segment of “${card.pieces.map((one) => one.text).join("")}”. Enter opens the sample.`}
      onClick={open}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget) return;
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          open();
        } else if (props.onMove(event.key)) event.preventDefault();
      }}
    >
      <CardPictures
        card={card}
        reading={reading}
        word={word}
        inFocus={word !== null && props.focus.includes(card.words[word])}
        signed={props.signed}
        waiting={props.waiting}
        width={props.width}
        palette={palette}
        src={props.src}
      />
      <div style={{ padding: "8px 10px 9px", display: "grid", gap: 6 }}>
        <CardCaption
          card={card}
          reading={reading}
          focus={props.focus}
          picked={word}
          palette={palette}
          onPick={(one) => setPicked(one === picked ? null : one)}
        />
        <Numbers {...props} word={word} />
      </div>
    </article>
  );
}

/** The word whose heat is shown unless the user picks one: the focused one, else the top word. */
export function wordInFocus(card: Card, reading: Reading | null, focus: string[]): number | null {
  const read = (index: number) => index >= 0 && !reading?.unread.includes(index);
  const focused = focus.map((word) => card.words.indexOf(word)).find(read);
  return focused ?? reading?.covered_by[0] ?? null;
}

function Numbers(props: SegmentCardProps & { word: number | null }): React.ReactElement {
  const { card, reading, failure, palette, word } = props;
  const style = { color: palette.muted, fontSize: 11, lineHeight: "15px" };
  if (failure) return <div style={{ ...style, color: palette.error }}>{failure}</div>;
  const parts: { name: string; value: string; title: string }[] = [];
  if (reading) {
    parts.push({
      name: "coverage",
      value: reading.coverage === null ? "–" : String(reading.coverage),
      title: "How many words of the caption cover this segment",
    });
    parts.push({
      name: "entropy",
      value: reading.entropy === null ? "–" : reading.entropy.toFixed(2),
      title: "0: one word alone attends to it; 1: all words alike",
    });
  }
  if (card.area !== null) {
    parts.push({ name: "area", value: percent(card.area), title: "Share of the image" });
  }
  return (
    <div style={{ ...style, display: "grid", gap: 5 }}>
      {reading && word !== null && reading.scores[word] !== null && (
        <ScoreBar {...props} reading={reading} word={word} />
      )}
      <div style={{ display: "flex", flexWrap: "wrap", gap: "0 12px" }}>
        {reading && !reading.seen && (
          <span data-cy="capviz-not-seen" title={NOT_SEEN} style={{ color: palette.warning }}>
            not seen
          </span>
        )}
        {parts.map(({ name, value, title }) => (
          <span key={name} title={title}>
            {name}{" "}
            <b style={{ color: palette.text, fontWeight: 600, fontVariantNumeric: "tabular-nums" }}>
              {value}
            </b>
          </span>
        ))}
        {!reading && (
          <span>
            {card.stale
              ? "the caption's words changed: attribute them again"
              : "no words attributed"}
          </span>
        )}
      </div>
    </div>
  );
}

function ScoreBar(
  props: SegmentCardProps & { reading: Reading; word: number },
): React.ReactElement {
  const { card, reading, word, palette } = props;
  const share = relativeScore(reading, word);
  const name = card.words[word];
  const color = props.focus.includes(name) ? palette.focus : palette.text;
  return (
    <div
      style={{ display: "flex", alignItems: "center", gap: 8 }}
      title={`Score of “${name}” here: ${reading.scores[word]?.toPrecision(3)}, ${percent(share)} of its best in this image`}
    >
      <span style={{ color, fontWeight: 600, overflow: "hidden", textOverflow: "ellipsis" }}>
        {name}
      </span>
      <span style={{ flex: 1, height: 4, minWidth: 30, borderRadius: 2, background: palette.line }}>
        <span
          style={{
            display: "block",
            height: "100%",
            width: `${share * 100}%`,
            borderRadius: 2,
            background: color,
          }}
        />
      </span>
      <span style={{ fontVariantNumeric: "tabular-nums" }}>{percent(share)}</span>
    </div>
  );
}
