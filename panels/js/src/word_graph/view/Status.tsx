import * as React from "react";
import type { FocusPayload, GraphPayload } from "../../payloads/word_graph";
import type { Shown } from "../graph/selection";

export interface StatusProps {
  graph: GraphPayload;
  shown: Shown;
  focus: readonly string[];
  focused: FocusPayload | null;
  error: string | null;
  notice: string | null;
  unfocus: () => void;
  dropLasso: () => void;
  undoStopWords: () => void;
  dismiss: () => void;
  children?: React.ReactNode;
}

/** What is shown, what is in focus, what went wrong. */
export function Status(props: StatusProps) {
  const { graph, shown, focus, focused, error, notice } = props;
  const words = shown.words.length;
  return (
    <div className="capviz-wg-status" role="status">
      {graph.lasso !== null && (
        <Chip label="Give up the selection" drop={props.dropLasso} cy="capviz-lasso">
          Selection: {graph.lasso.toLocaleString("en")} images
        </Chip>
      )}
      {graph.stop_words.length > 0 && (
        <Chip
          label="Undo the last change of the stop words"
          drop={props.undoStopWords}
          cy="capviz-stop-words"
          title={graph.stop_words.join(", ")}
        >
          {graph.stop_words.length === 1
            ? `Stop word: ${graph.stop_words[0]}`
            : `${graph.stop_words.length.toLocaleString("en")} stop words`}
        </Chip>
      )}
      {focus.length > 0 && (
        <Chip red label="Take the focus away (Escape)" drop={props.unfocus} cy="capviz-focus">
          {focus.join(" + ")}
        </Chip>
      )}
      {focus.length > 0 ? (
        <span data-cy="capviz-focus-message">{focused ? focused.message : "…"}</span>
      ) : (
        <span>
          {words < graph.total_words
            ? `${words.toLocaleString("en")} of ${graph.total_words.toLocaleString("en")} words`
            : `${words.toLocaleString("en")} words`}
          {" · "}
          {shown.links.length.toLocaleString("en")} links · {graph.documents.toLocaleString("en")}{" "}
          captions
          {graph.documents < graph.samples
            ? ` of ${graph.samples.toLocaleString("en")} images`
            : ""}
        </span>
      )}
      {(error ?? notice) !== null && (
        <span className={error ? "capviz-wg-error" : ""} role={error ? "alert" : undefined}>
          {error ?? notice}
          <button
            type="button"
            className="capviz-wg-plain"
            aria-label="Dismiss the message"
            onClick={props.dismiss}
          >
            ×
          </button>
        </span>
      )}
      <span className="capviz-wg-gap" />
      {props.children}
    </div>
  );
}

interface ChipProps {
  label: string;
  cy: string;
  red?: boolean;
  title?: string;
  drop: () => void;
  children: React.ReactNode;
}

function Chip({ label, cy, red, title, drop, children }: ChipProps) {
  return (
    <span
      className={red ? "capviz-wg-chip capviz-wg-red" : "capviz-wg-chip"}
      data-cy={cy}
      title={title}
    >
      {children}
      <button
        type="button"
        className="capviz-wg-plain"
        aria-label={label}
        title={label}
        onClick={drop}
      >
        ×
      </button>
    </span>
  );
}
