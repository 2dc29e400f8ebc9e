import * as React from "react";

export interface CaptionEntryProps {
  /** The caption that is explained; null where the sample has none. */
  caption: string | null;
  /** Whether it was typed, and is not the sample's own. */
  typed: boolean;
  /** Null for the sample's own. */
  onCaption: (caption: string | null) => void;
}

/** Lets the caption be changed, to see what another word would do. */
export function CaptionEntry({ caption, typed, onCaption }: CaptionEntryProps): React.ReactElement {
  const [open, setOpen] = React.useState(false);
  const [text, setText] = React.useState(caption ?? "");
  React.useEffect(() => setText(caption ?? ""), [caption]);
  if (!open && caption !== null) {
    return (
      <div className="capviz-row">
        <button
          type="button"
          className="capviz-quiet capviz-small"
          data-cy="capviz-pair-edit"
          onClick={() => setOpen(true)}
        >
          Try other words
        </button>
        {typed ? (
          <button
            type="button"
            className="capviz-quiet capviz-small"
            data-cy="capviz-pair-own"
            onClick={() => onCaption(null)}
          >
            Back to the sample’s caption
          </button>
        ) : null}
      </div>
    );
  }
  return (
    <form
      className="capviz-row"
      onSubmit={(event) => {
        event.preventDefault();
        if (!text.trim()) return;
        onCaption(text.trim());
        setOpen(false);
      }}
    >
      <input
        type="text"
        style={{ flex: 1 }}
        value={text}
        autoFocus={open}
        placeholder="Type a caption"
        aria-label="The caption to explain"
        data-cy="capviz-pair-caption"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && caption !== null) setOpen(false);
        }}
      />
      <button type="submit" className="capviz-primary" disabled={!text.trim()}>
        Explain
      </button>
    </form>
  );
}
