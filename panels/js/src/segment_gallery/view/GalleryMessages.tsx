import * as React from "react";
import type { Palette } from "../../ui/palette";
import { GAP } from "../model/layout";
import type { GalleryActions, GalleryState } from "../model/state";

export interface StatusProps {
  state: GalleryState;
  actions: GalleryActions;
  palette: Palette;
}

/** One line for progress, an error, or what the cards lack; read out by screen readers. */
export function Status({ state, actions, palette }: StatusProps): React.ReactElement {
  const { progress, error, gallery } = state;
  const style: React.CSSProperties = {
    display: "flex",
    alignItems: "center",
    gap: 8,
    padding: "0 12px 8px",
    fontSize: 12,
    color: palette.muted,
  };
  const share = progress ? progress.done / Math.max(progress.total, 1) : 0;
  return (
    <div role="status" aria-live="polite">
      {error && (
        <div data-cy="capviz-gallery-error" style={{ ...style, color: palette.error }}>
          <span style={{ flex: 1 }}>{error}</span>
          <button type="button" className="capviz-sg-button" onClick={actions.retry}>
            Try again
          </button>
        </div>
      )}
      {progress && (
        <div data-cy="capviz-gallery-progress" style={style}>
          <span className="capviz-sg-spinner" />
          <span>
            {progress.done === 0
              ? "the model is reading the captions …"
              : `${progress.done} of ${progress.total} segments`}
          </span>
          <span style={{ flex: 1, height: 3, borderRadius: 2, background: palette.line }}>
            <span style={barStyle(share, palette)} />
          </span>
        </div>
      )}
      {gallery && gallery.notes.length > 0 && (
        <ul data-cy="capviz-gallery-notes" style={notesStyle(palette)}>
          {gallery.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {gallery?.problem === "no_words" && state.settings.choice === null && (
        <div style={style}>
          <span style={{ flex: 1 }}>No words are attributed to these segments yet.</span>
          <button type="button" className="capviz-sg-button" onClick={actions.analyze}>
            Analyze captions …
          </button>
        </div>
      )}
    </div>
  );
}

/** What stands in the place of the cards: a sentence, and what can be done. */
export function Notice(props: {
  palette: Palette;
  title: string;
  text: string;
  children?: React.ReactNode;
}): React.ReactElement {
  return (
    <div
      data-cy="capviz-gallery-empty"
      style={{ margin: "auto", padding: 24, textAlign: "center", display: "grid", gap: 10 }}
    >
      <b style={{ fontWeight: 600 }}>{props.title}</b>
      {props.text && <span style={{ color: props.palette.muted, fontSize: 12 }}>{props.text}</span>}
      <span>{props.children}</span>
    </div>
  );
}

/** Before the first answer. */
export function Placeholders({ palette }: { palette: Palette }): React.ReactElement {
  return (
    <div
      data-cy="capviz-gallery-loading"
      style={{
        display: "grid",
        gap: GAP,
        padding: "2px 12px",
        gridTemplateColumns: "repeat(auto-fill, minmax(264px, 1fr))",
      }}
    >
      {Array.from({ length: 6 }, (_, index) => (
        <div key={index} style={{ height: 220, borderRadius: 10, background: palette.raised }} />
      ))}
    </div>
  );
}

function notesStyle(palette: Palette): React.CSSProperties {
  const bullets = { listStyle: "disc", padding: "0 12px 8px 28px" };
  return { margin: 0, ...bullets, fontSize: 12, color: palette.warning };
}

function barStyle(share: number, palette: Palette): React.CSSProperties {
  return {
    display: "block",
    height: "100%",
    width: `${Math.max(share * 100, 3)}%`,
    borderRadius: 2,
    background: palette.accent,
    transition: "width 0.2s",
  };
}
