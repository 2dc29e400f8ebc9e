import * as React from "react";
import type { Palette } from "../../ui/palette";
import { variables } from "../../ui/style";
import { GAP, gridOf, neighbor } from "../model/layout";
import { emptiness } from "../model/messages";
import { shownReading, type GalleryActions, type GalleryState } from "../model/state";
import { GalleryHeader } from "./GalleryHeader";
import { Notice, Placeholders, Status } from "./GalleryMessages";
import { SegmentCard } from "./SegmentCard";
import { SHEET } from "./style";

export interface SegmentGalleryViewProps {
  state: GalleryState;
  actions: GalleryActions;
  palette: Palette;
  sourceOf: (filepath: string) => string;
}

/** The whole panel: header, progress or error, and the cards. */
export function SegmentGalleryView(props: SegmentGalleryViewProps): React.ReactElement {
  const { state, actions, palette } = props;
  const { gallery } = state;
  const empty = gallery && emptiness(gallery);
  return (
    <section
      className="capviz-sg-gallery"
      data-cy="capviz-segment-gallery"
      aria-label="Segment Gallery"
      aria-busy={state.loading || state.progress !== null}
      style={rootStyle(palette)}
    >
      <style>{SHEET}</style>
      <GalleryHeader state={state} actions={actions} palette={palette} />
      <Status state={state} actions={actions} palette={palette} />
      {empty ? (
        <Notice palette={palette} title={empty.title} text={empty.remedy}>
          {empty.analyze && (
            <button type="button" className="capviz-sg-button" onClick={actions.analyze}>
              Analyze captions …
            </button>
          )}
        </Notice>
      ) : gallery ? (
        <Cards {...props} />
      ) : state.error ? (
        <Notice palette={palette} title="The segments could not be fetched" text="">
          <button type="button" className="capviz-sg-button" onClick={actions.retry}>
            Try again
          </button>
        </Notice>
      ) : (
        <Placeholders palette={palette} />
      )}
    </section>
  );
}

function Cards(props: SegmentGalleryViewProps): React.ReactElement {
  const { state, actions, palette } = props;
  const list = React.useRef<HTMLDivElement>(null);
  const width = useWidth(list);
  const grid = gridOf(width);
  const { gallery } = state;
  const cards = gallery?.cards ?? [];
  const move = (index: number, key: string): boolean => {
    const next = neighbor(index, key, grid.columns, cards.length);
    const target = next === null ? null : list.current?.children[next];
    if (target instanceof HTMLElement) target.focus();
    return next !== null;
  };
  return (
    <div style={{ flex: 1, overflowY: "auto", padding: "2px 12px 16px", minHeight: 0 }}>
      <div
        ref={list}
        role="list"
        aria-label="Segments"
        style={{
          display: "grid",
          gap: GAP,
          gridTemplateColumns: `repeat(${grid.columns}, minmax(0, 1fr))`,
          alignItems: "stretch",
          opacity: state.loading ? 0.55 : 1,
          transition: "opacity 0.15s",
        }}
      >
        {width > 0 &&
          cards.map((card, index) => {
            const { reading, waiting } = shownReading(card, state);
            return (
              <SegmentCard
                key={card.label_id}
                card={card}
                reading={reading}
                failure={state.failures[card.label_id] ?? null}
                waiting={waiting}
                focus={gallery?.scope.words ?? []}
                signed={state.settings.signed}
                width={grid.cardWidth - 2}
                palette={palette}
                src={props.sourceOf(card.filepath)}
                onOpen={actions.open}
                onMove={(key) => move(index, key)}
              />
            );
          })}
      </div>
    </div>
  );
}

/** Width of an element, followed. */
function useWidth(element: React.RefObject<HTMLElement>): number {
  const [width, setWidth] = React.useState(0);
  React.useLayoutEffect(() => {
    const node = element.current;
    if (!node) return undefined;
    setWidth(node.clientWidth);
    if (typeof ResizeObserver === "undefined") return undefined;
    const observer = new ResizeObserver(() => setWidth(node.clientWidth));
    observer.observe(node);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

function rootStyle(palette: Palette): React.CSSProperties {
  return {
    height: "100%",
    width: "100%",
    minWidth: 0,
    display: "flex",
    flexDirection: "column",
    boxSizing: "border-box",
    overflow: "hidden",
    color: palette.text,
    background: palette.background,
    fontSize: 13,
    ...variables(palette),
  };
}
