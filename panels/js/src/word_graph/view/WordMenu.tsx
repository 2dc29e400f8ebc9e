import * as React from "react";

export interface WordMenuProps {
  word: string;
  /** Where it opens, on the graph. */
  x: number;
  y: number;
  makeStopWord: (word: string) => void;
  close: () => void;
}

/** What a right click on a word offers. */
export function WordMenu({ word, x, y, makeStopWord, close }: WordMenuProps) {
  const root = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    root.current?.querySelector("button")?.focus();
    const leave = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) close();
    };
    document.addEventListener("pointerdown", leave);
    return () => document.removeEventListener("pointerdown", leave);
  }, [word, close]);
  return (
    <div
      ref={root}
      className="capviz-wg-menu capviz-wg-at"
      style={{ left: x, top: y }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <div role="menu" aria-label={`The word ${word}`}>
        <button
          type="button"
          role="menuitem"
          data-cy="capviz-stop-word"
          title="Leave it out of graph, focus, gallery, exports and coverage. No model runs; Undo brings it back."
          onClick={() => {
            close();
            makeStopWord(word);
          }}
        >
          Make “{word}” a stop word
        </button>
      </div>
    </div>
  );
}
