import * as React from "react";
import type { Card, Reading } from "../../payloads/segment_gallery";
import { LIGHT, type Palette } from "../../ui/palette";
import { NOT_READ } from "../model/messages";

export interface CardCaptionProps {
  card: Card;
  reading: Reading | null;
  focus: string[];
  picked: number | null;
  palette: Palette;
  onPick: (word: number) => void;
}

/** The caption: words that cover the segment on yellow, the focused one red, unread ones struck. */
export function CardCaption(props: CardCaptionProps): React.ReactElement {
  const { card, reading, palette } = props;
  return (
    <p style={{ margin: 0, fontSize: 13, lineHeight: "19px", color: palette.text }}>
      {card.pieces.map((piece, index) => {
        if (piece.word < 0) return <React.Fragment key={index}>{piece.text}</React.Fragment>;
        const covers = reading?.covered_by.includes(piece.word) ?? false;
        const unread = reading?.unread.includes(piece.word) ?? false;
        const focused = props.focus.includes(card.words[piece.word]);
        return (
          <button
            key={index}
            type="button"
            className="capviz-sg-word"
            data-card-word={card.words[piece.word]}
            data-covers={covers}
            data-unread={unread}
            title={unread ? NOT_READ : undefined}
            data-focused={focused}
            aria-pressed={props.picked === piece.word}
            aria-label={`${piece.text}${covers ? ", attends to this segment" : ""}${focused ? ", in focus" : ""}: ${unread ? NOT_READ : "show its heat"}`}
            disabled={!reading || unread}
            style={wordStyle(covers, focused, unread, palette)}
            onClick={(event) => {
              event.stopPropagation();
              props.onPick(piece.word);
            }}
          >
            {piece.text}
          </button>
        );
      })}
    </p>
  );
}

function wordStyle(
  covers: boolean,
  focused: boolean,
  unread: boolean,
  palette: Palette,
): React.CSSProperties {
  const style: React.CSSProperties = {};
  if (unread) {
    style.color = palette.muted;
    style.textDecoration = "line-through";
  }
  if (covers) {
    style.background = palette.marked;
    style.color = palette.markedText;
  }
  if (focused) {
    // The dark theme's bright red cannot be read on yellow.
    style.color = covers ? LIGHT.focus : palette.focus;
    style.fontWeight = 700;
  }
  return style;
}
