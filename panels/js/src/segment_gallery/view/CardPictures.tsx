import * as React from "react";
import { decodeMaps, wordMap } from "../../heat/decode";
import type { Card, Reading } from "../../payloads/segment_gallery";
import type { Palette } from "../../ui/palette";
import { pictureSize } from "../model/layout";
import { paintHeat, paintSegment } from "./paint";
import { useMask, usePicture } from "./pictures";

/** Of a segment outside what the model sees. */
export const NOT_SEEN_COLOR = "#e377c2";

export interface CardPicturesProps {
  card: Card;
  reading: Reading | null;
  word: number | null;
  inFocus: boolean;
  signed: boolean;
  waiting: boolean;
  width: number;
  palette: Palette;
  src: string;
}

/** Two pictures side by side: the segment on its image, and the heat of a word. */
export function CardPictures(props: CardPicturesProps): React.ReactElement {
  const { card, reading, word, signed, palette } = props;
  const segment = React.useRef<HTMLCanvasElement>(null);
  const heat = React.useRef<HTMLCanvasElement>(null);
  const picture = usePicture(props.src);
  const mask = useMask(card.mask);
  const maps = React.useMemo(() => reading && decodeMaps(reading.maps), [reading]);
  const outlineColor = reading && !reading.seen ? NOT_SEEN_COLOR : "#ffffff";
  const size = pictureSize((props.width - 1) / 2, picture.value?.aspect ?? 1);
  const density = window.devicePixelRatio || 1;
  const ready =
    picture.value !== null && (card.mask === null || mask.value !== null || mask.failed);

  React.useEffect(() => {
    if (!ready || !picture.value || !segment.current) return;
    const outline = { card, mask: mask.value, color: outlineColor };
    paintSegment(segment.current, picture.value, outline);
  }, [ready, picture.value, mask.value, card, outlineColor, size.width, size.height, density]);

  React.useEffect(() => {
    if (!ready || !picture.value || !heat.current) return;
    const outline = { card, mask: mask.value, color: outlineColor };
    const shown =
      maps && reading && word !== null
        ? { map: wordMap(maps, word, reading.grid, signed), grid: reading.grid }
        : null;
    paintHeat(heat.current, picture.value, outline, shown);
  }, [
    ready,
    picture.value,
    mask.value,
    card,
    outlineColor,
    reading,
    maps,
    word,
    signed,
    size.width,
    size.height,
    density,
  ]);

  if (picture.failed) {
    return (
      <div
        style={{ ...paneStyle(palette), height: size.height, color: palette.muted, padding: 12 }}
      >
        The image cannot be shown.
      </div>
    );
  }
  const canvas = (ref: React.RefObject<HTMLCanvasElement>, label: string) => (
    <canvas
      ref={ref}
      role="img"
      aria-label={label}
      width={Math.round(size.width * density)}
      height={Math.round(size.height * density)}
      style={{ width: size.width, height: size.height, visibility: ready ? "visible" : "hidden" }}
    />
  );
  const name = word === null ? null : card.words[word];
  return (
    <div style={{ display: "flex", gap: 1, background: palette.line, minHeight: size.height }}>
      <div style={paneStyle(palette)}>{canvas(segment, "the segment on its image")}</div>
      <div style={{ ...paneStyle(palette), opacity: props.waiting ? 0.45 : 1 }}>
        {canvas(heat, name ? `heat of “${name}”` : "no word attends to the segment")}
        {ready && <span style={tagStyle(props.inFocus, name === null)}>{name ?? "no word"}</span>}
        {props.waiting && <span className="capviz-sg-spinner" style={spinnerStyle} />}
      </div>
    </div>
  );
}

const spinnerStyle: React.CSSProperties = { position: "absolute", top: 8, right: 8 };

function paneStyle(palette: Palette): React.CSSProperties {
  return { flex: 1, minWidth: 0, position: "relative", background: palette.background };
}

/** On an image, in both themes: light text on a dark ground. */
function tagStyle(inFocus: boolean, none: boolean): React.CSSProperties {
  return {
    position: "absolute",
    left: 6,
    bottom: 6,
    maxWidth: "calc(100% - 12px)",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
    padding: "1px 7px",
    borderRadius: 9,
    fontSize: 11,
    lineHeight: "16px",
    background: "rgba(10, 12, 16, 0.72)",
    color: none ? "#b8b8b8" : inFocus ? "#ff7b72" : "#ffffff",
    fontWeight: none ? 400 : 600,
  };
}
