import * as React from "react";
import type { Palette } from "../../ui/palette";
import { headline } from "../model/messages";
import {
  chosenFrom,
  isReadAnew,
  layerOf,
  layersOf,
  menuOf,
  methodOf,
  methodValue,
  shapeOf,
} from "../model/methods";
import type { GalleryActions, GalleryState } from "../model/state";
import { HeatLegend } from "./HeatLegend";

export const SIZES = [6, 12, 24, 48];
export const COLORS: [string, string][] = [
  ["coverage", "coverage"],
  ["attention", "attention to the word"],
  ["entropy", "entropy"],
  ["area", "area"],
  ["top_word", "top word"],
];

const headerStyle: React.CSSProperties = {
  display: "grid",
  gridTemplateColumns: "minmax(0, 1fr)",
  gap: 8,
  padding: "10px 12px 8px",
};

export interface GalleryHeaderProps {
  state: GalleryState;
  actions: GalleryActions;
  palette: Palette;
}

/** Where the segments come from, the sample's size, the method, the plot's color. */
export function GalleryHeader({ state, actions, palette }: GalleryHeaderProps): React.ReactElement {
  const { gallery, settings } = state;
  const line = gallery && gallery.problem !== "no_analysis" ? headline(gallery) : null;
  return (
    <header style={headerStyle}>
      <div style={{ display: "flex", alignItems: "center", gap: 8, flexWrap: "wrap" }}>
        <h2 style={{ margin: 0, fontSize: 13, fontWeight: 400, flex: "1 1 180px", minWidth: 0 }}>
          {line && (
            <>
              <b style={{ fontWeight: 600 }}>{line.count}</b>{" "}
              <span style={{ color: palette.muted }}>{line.where}</span>{" "}
              {gallery && gallery.scope.kind !== "lasso" && gallery.scope.words.length > 0 && (
                <button
                  type="button"
                  className="capviz-sg-link"
                  data-cy="capviz-all"
                  onClick={() => actions.set({ all: !settings.all })}
                >
                  {settings.all ? "only those in focus" : "show all"}
                </button>
              )}
            </>
          )}
        </h2>
        <span style={{ display: "flex", gap: 6 }}>
          <select
            data-cy="capviz-page-size"
            aria-label="Segments shown"
            value={settings.size}
            onChange={(event) => actions.set({ size: Number(event.target.value) })}
          >
            {SIZES.map((size) => (
              <option key={size} value={size}>
                show {size}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="capviz-sg-button"
            data-cy="capviz-redraw"
            title="Another random sample"
            disabled={!gallery || gallery.scope.total === 0}
            onClick={actions.redraw}
          >
            ↻ Redraw
          </button>
        </span>
      </div>
      <div style={{ display: "flex", alignItems: "center", gap: 6, flexWrap: "wrap" }}>
        <MethodMenus state={state} actions={actions} palette={palette} />
        <select
          data-cy="capviz-color"
          aria-label="Color of the Embeddings plot"
          value={state.color}
          disabled={!gallery || gallery.problem === "no_analysis"}
          onChange={(event) => actions.recolor(event.target.value)}
        >
          <option value="" disabled>
            color plot by …
          </option>
          {COLORS.map(([value, label]) => (
            <option
              key={value}
              value={value}
              disabled={value === "attention" && !gallery?.scope.words.length}
            >
              plot: {label}
            </option>
          ))}
        </select>
        <HeatLegend
          signed={settings.signed}
          palette={palette}
          onSigned={(signed) => actions.set({ signed })}
        />
      </div>
    </header>
  );
}

function MethodMenus({ state, actions }: GalleryHeaderProps): React.ReactElement {
  const { gallery, settings, methods } = state;
  const stored = gallery?.stored ?? methodOf("itm:gradcam");
  const choice = settings.choice ?? stored;
  const menu = menuOf(stored);
  const anew = isReadAnew(choice);
  const shape = anew ? shapeOf(choice, methods) : undefined;
  const layer = layerOf(choice, stored, shape);
  const none = !gallery || gallery.problem === "no_analysis";
  const counted = (count: number | null | undefined, shown: number | null) =>
    Array.from({ length: Math.max(count ?? 0, (shown ?? -1) + 1) }, (_, index) => index);
  return (
    <>
      <select
        data-cy="capviz-method"
        aria-label="Attribution method"
        title={menu.find((one) => one.value === methodValue(choice))?.hint}
        value={methodValue(choice)}
        disabled={none}
        onChange={(event) => actions.set({ choice: chosenFrom(event.target.value, stored) })}
      >
        {menu.map((one) => (
          <option key={one.value} value={one.value} title={one.hint}>
            {one.label}
            {one.value === methodValue(stored) ? " (stored)" : ""}
          </option>
        ))}
      </select>
      <select
        data-cy="capviz-layer"
        aria-label="Layer"
        value={layer ?? ""}
        disabled={none || !anew || layer === null}
        onChange={(event) =>
          actions.set({ choice: { ...choice, layer: Number(event.target.value) } })
        }
      >
        {layer === null && <option value="">layer …</option>}
        {counted(layersOf(choice, shape), layer).map((index) => (
          <option key={index} value={index}>
            layer {index}
            {index === shape?.default_layer ? " (default)" : ""}
          </option>
        ))}
      </select>
      <select
        data-cy="capviz-head"
        aria-label="Head"
        value={choice.head ?? "mean"}
        disabled={none || !anew}
        onChange={(event) => {
          const head = event.target.value === "mean" ? null : Number(event.target.value);
          actions.set({ choice: { ...choice, layer, head } });
        }}
      >
        <option value="mean">mean of heads</option>
        {counted(shape?.heads, choice.head).map((index) => (
          <option key={index} value={index}>
            head {index}
          </option>
        ))}
      </select>
    </>
  );
}
