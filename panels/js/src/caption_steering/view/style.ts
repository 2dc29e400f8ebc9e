/** Hues of the selections, apart from each other and visible on photographs. */
export const SELECTION_COLORS = ["#ff6d04", "#2f9bff", "#3ecf6a", "#d65bff", "#ffd23e", "#ff5a7a"];

export function selectionColor(index: number): string {
  return SELECTION_COLORS[index % SELECTION_COLORS.length];
}

/** What this panel adds to the style that panels share. */
export const SHEET = `
.capviz-st-columns { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); align-items: start; }
@container (min-width: 600px) {
  .capviz-st-columns { grid-template-columns: minmax(0, 46%) minmax(0, 1fr); }
  .capviz-st-left { position: sticky; top: 0; }
}
.capviz-st-column { display: flex; flex-direction: column; gap: 12px; min-width: 0; }
.capviz-st h3 { margin-bottom: 8px; }
.capviz-st-end { margin-left: auto; }
.capviz-st-grow { flex: 1; min-width: 0; }
.capviz-st .capviz-error { margin: 0 0 8px; }
.capviz-st .capviz-scroll > .capviz-error { position: sticky; top: 0; z-index: 3; background: var(--capviz-background); }
.capviz-st input[type=text] { width: 100%; }
.capviz-st-chips { display: flex; flex-wrap: wrap; gap: 6px; }
.capviz-st button.capviz-st-chip { border-radius: 999px; padding: 2px 10px; font-size: 12px; display: inline-flex; gap: 6px; align-items: center; max-width: 100%; }
.capviz-st button.capviz-st-chip[aria-pressed=true], .capviz-st button.capviz-st-chip[aria-checked=true] {
  border-color: var(--chip, var(--capviz-accent)); background: color-mix(in srgb, var(--chip, var(--capviz-accent)) 18%, transparent); }
.capviz-st-swatch { width: 9px; height: 9px; border-radius: 3px; flex: none; background: var(--chip); }
.capviz-st .capviz-switch button[aria-checked=true] { background: color-mix(in srgb, var(--capviz-accent) 22%, transparent); color: var(--capviz-text); }
.capviz-st-stage { position: relative; margin: 0 auto; line-height: 0; border-radius: 6px; overflow: hidden;
  background: #0003; user-select: none; touch-action: none; }
.capviz-st-stage img { display: block; width: 100%; height: auto; }
.capviz-st-stage svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.capviz-st-outline { fill: transparent; stroke: #fff; stroke-width: 1.2; stroke-opacity: .75; vector-effect: non-scaling-stroke; }
.capviz-st-outline[data-hit=true] { pointer-events: all; cursor: pointer; }
.capviz-st-outline[data-hot=true] { stroke-width: 2.5; stroke-opacity: 1; fill: #ffffff2e; }
.capviz-st-grid { position: absolute; display: grid; cursor: crosshair; outline: none; }
.capviz-st-patch { position: relative; outline: none; border: 0 solid #ffffff38; border-right-width: 1px; border-bottom-width: 1px; display: flex; align-items: center; justify-content: center;
  font: 600 9px/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 3px #000, 0 0 2px #000; overflow: hidden; }
.capviz-st-patch:hover { background-image: linear-gradient(#ffffff40, #ffffff40); }
.capviz-st-patch:focus-visible { outline: 2px solid #fff !important; outline-offset: -2px !important; }
.capviz-st-weight { position: absolute; transform: translate(-50%, -50%); pointer-events: none; white-space: nowrap;
  font: 600 11px/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 3px #000, 0 0 2px #000; }
.capviz-st-caption { font-size: 15px; line-height: 1.45; overflow-wrap: anywhere; margin: 2px 0 4px; }
.capviz-st-new { background: var(--capviz-marked); color: var(--capviz-marked-text); border-radius: 3px; padding: 0 2px; }
.capviz-st-lost { text-decoration: line-through; color: var(--capviz-muted); }
.capviz-st-caret::after { content: "▍"; color: var(--capviz-accent); animation: capviz-st-blink 1s steps(2) infinite; }
@keyframes capviz-st-blink { to { opacity: 0; } }
.capviz-st-scores { display: flex; gap: 14px; flex-wrap: wrap; font-size: 12px; color: var(--capviz-muted); }
.capviz-st-scores b { color: var(--capviz-text); font-weight: 600; font-variant-numeric: tabular-nums; }
.capviz-st-up { color: var(--capviz-good); } .capviz-st-down { color: var(--capviz-error); }
.capviz-st-list { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: 4px; }
.capviz-st-list button { text-align: left; width: 100%; }
.capviz-st-past { max-height: 180px; overflow: auto; }
.capviz-st-past button[aria-current=true] { border-color: var(--capviz-accent); }
.capviz-st-bar { height: 6px; border-radius: 3px; background: var(--capviz-line); overflow: hidden; margin: 6px 0; }
.capviz-st-bar > div { height: 100%; background: var(--capviz-accent); transition: width .2s; }
.capviz-st-rate { font-size: 20px; font-weight: 600; }
.capviz-st-table { width: 100%; border-collapse: collapse; font-size: 12px; }
.capviz-st-table td { padding: 5px 6px; border-top: 1px solid var(--capviz-line); vertical-align: middle; }
.capviz-st-table img { width: 44px; height: 44px; object-fit: cover; border-radius: 4px; display: block; }
.capviz-st-rows { max-height: 300px; overflow: auto; margin-top: 8px; }
.capviz-st-foot { display: flex; gap: 8px; align-items: center; padding: 8px 12px; border-top: 1px solid var(--capviz-line); background: var(--capviz-raised); flex-wrap: wrap; }
.capviz-st .capviz-empty h2 { margin-bottom: 6px; }
.capviz-st-hint { position: absolute; left: 8px; bottom: 8px; background: #000b; color: #fff; font-size: 12px; line-height: 1.3; padding: 4px 8px; border-radius: 5px; pointer-events: none; }
@media (prefers-reduced-motion: reduce) { .capviz-st-caret::after { animation: none; } }
`;
