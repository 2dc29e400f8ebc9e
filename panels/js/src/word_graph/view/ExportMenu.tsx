import * as React from "react";

export const KINDS = [
  ["svg", "SVG picture"],
  ["png", "PNG picture"],
  ["graphml", "GraphML"],
  ["csv_words", "CSV: words"],
  ["csv_links", "CSV: links"],
  ["csv_pairs", "CSV: associations"],
] as const;
export type Kind = (typeof KINDS)[number][0];

const NO_PICTURE = "Close Compare to save a picture: it shows one graph.";
const ONE_GRAPH = "The graph of all captions in view, not the two sides.";

/** The files that the graph can be saved as; of a comparison there is no picture. */
export function ExportMenu({
  save,
  comparing = false,
}: {
  save: (kind: Kind) => void;
  comparing?: boolean;
}) {
  const [open, setOpen] = React.useState(false);
  const root = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    if (!open) return undefined;
    const close = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [open]);
  return (
    <div
      ref={root}
      className="capviz-wg-menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        setOpen(false);
      }}
    >
      <button
        type="button"
        className="capviz-wg-button"
        data-cy="capviz-export"
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        Export
      </button>
      {open && (
        <div role="menu" aria-label="Export the graph">
          {KINDS.map(([kind, name]) => (
            <button
              key={kind}
              type="button"
              disabled={comparing && isPicture(kind)}
              title={!comparing ? undefined : isPicture(kind) ? NO_PICTURE : ONE_GRAPH}
              role="menuitem"
              data-cy={`capviz-export-${kind.replace("_", "-")}`}
              onClick={() => {
                setOpen(false);
                save(kind);
              }}
            >
              {name}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function isPicture(kind: Kind): boolean {
  return kind === "svg" || kind === "png";
}
