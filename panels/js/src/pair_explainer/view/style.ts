import type { CSSProperties } from "react";
import type { Palette } from "../../ui/palette";

/** The theme as custom properties, for the style sheet below. */
export function themeProperties(palette: Palette): CSSProperties {
  return {
    "--bg": palette.background,
    "--raised": palette.raised,
    "--text": palette.text,
    "--muted": palette.muted,
    "--line": palette.line,
    "--accent": palette.accent,
    "--error": palette.error,
    "--good": palette.dark ? "#5fd38d" : "#1c7c45",
    "--warn": palette.dark ? "#ffc857" : "#8a5a00",
    colorScheme: palette.dark ? "dark" : "light",
  } as CSSProperties;
}

export const STYLE = `
.capviz-px { box-sizing: border-box; height: 100%; display: flex; flex-direction: column;
  background: var(--bg); color: var(--text); font-size: 13px; line-height: 1.4; container-type: inline-size; }
.capviz-px *, .capviz-px *::before { box-sizing: border-box; }
.capviz-px-scroll { flex: 1; min-height: 0; overflow: auto; padding: 12px; display: flex; flex-direction: column; gap: 10px; }
.capviz-px-scroll[data-margins=true] { padding-inline: 54px; } /* the modal's arrows lie there */
.capviz-px-sides { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); align-items: start; }
@container (min-width: 620px) {
  .capviz-px-sides { grid-template-columns: minmax(0, 56%) minmax(0, 1fr); }
  .capviz-px-sides[data-two=true] { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
}
@container (min-width: 440px) { .capviz-px-sides[data-two=true] { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } }
.capviz-px-column { display: flex; flex-direction: column; gap: 10px; min-width: 0; }
.capviz-px-card { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; min-width: 0; }
.capviz-px h3 { margin: 0 0 6px; font-size: 12px; font-weight: 600; color: var(--muted); letter-spacing: .02em; }
.capviz-px p { margin: 0; }
.capviz-px-row { display: flex; align-items: center; gap: 8px; flex-wrap: wrap; }
.capviz-px-grow { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.capviz-px-muted { color: var(--muted); }
.capviz-px-small { font-size: 12px; }
.capviz-px-number { font-variant-numeric: tabular-nums; }
.capviz-px-error { color: var(--error); border: 1px solid var(--error); border-radius: 6px; padding: 6px 10px; overflow-wrap: anywhere;
  display: flex; gap: 10px; align-items: center; flex-wrap: wrap; }
.capviz-px label { display: inline-flex; align-items: center; gap: 6px; min-width: 0; }
.capviz-px button { font: inherit; color: var(--text); background: transparent; border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; cursor: pointer; }
.capviz-px button:hover:not(:disabled) { border-color: var(--muted); }
.capviz-px button:disabled { opacity: .45; cursor: default; }
.capviz-px button.capviz-px-quiet { border-color: transparent; padding: 3px 6px; color: var(--muted); }
.capviz-px button.capviz-px-quiet:hover:not(:disabled) { color: var(--text); }
.capviz-px button.capviz-px-primary { background: var(--accent); border-color: var(--accent); color: #fff; font-weight: 600; }
.capviz-px :is(button, input, select, [tabindex]):focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.capviz-px :is(input[type=text], select) { font: inherit; color: var(--text); background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px; min-width: 0; }
.capviz-px select { max-width: 100%; text-overflow: ellipsis; }
.capviz-px input[type=checkbox] { accent-color: var(--accent); margin: 0; }
.capviz-px-switch { display: inline-flex; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.capviz-px-switch button { border: 0; border-radius: 0; padding: 3px 10px; font-size: 12px; }
.capviz-px-switch button[aria-checked=true] { background: color-mix(in srgb, var(--accent) 24%, transparent); }
.capviz-px-stage { position: relative; margin: 0 auto; line-height: 0; border-radius: 6px; overflow: hidden; background: #0003; user-select: none; touch-action: none; cursor: crosshair; }
.capviz-px-stage img { display: block; width: 100%; height: auto; transition: filter .15s; }
.capviz-px-stage[data-heat=true] img { filter: grayscale(.85) brightness(.9) contrast(.9); }
.capviz-px-stage canvas { position: absolute; pointer-events: none; transition: opacity .15s; }
.capviz-px-stage svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.capviz-px-outline { fill: transparent; stroke: #fff; stroke-width: 1; stroke-opacity: .55; vector-effect: non-scaling-stroke; pointer-events: fill; }
.capviz-px-outline[data-shown=false] { stroke-opacity: 0; }
.capviz-px-outline:hover, .capviz-px-outline[data-hot=true] { stroke-opacity: 1; stroke-width: 1.6; }
.capviz-px-outline[data-chosen=true] { stroke: #ffe14d; stroke-opacity: 1; stroke-width: 2.6; }
.capviz-px-unseen { fill: #000; fill-opacity: .55; pointer-events: none; }
.capviz-px-box { fill: none; stroke: #ffe14d; stroke-width: 2.4; vector-effect: non-scaling-stroke; pointer-events: none; }
.capviz-px-box-shade { fill: none; stroke: #000a; stroke-width: 4.4; vector-effect: non-scaling-stroke; pointer-events: none; }
.capviz-px-hint { position: absolute; left: 8px; bottom: 8px; max-width: calc(100% - 16px); background: #000b; color: #fff; font-size: 12px; line-height: 1.3; padding: 4px 8px; border-radius: 5px; pointer-events: none; display: flex; gap: 6px; align-items: center; }
.capviz-px-hint[data-busy=true] { animation: capviz-px-appear .3s steps(1) both; } /* quick answers show none */
.capviz-px-caption { font-size: 15px; line-height: 2.5; overflow-wrap: anywhere; }
.capviz-px button.capviz-px-word { position: relative; display: inline-flex; flex-direction: column; align-items: center; vertical-align: middle; line-height: 1.25; padding: 2px 7px 1px; border-radius: 6px; border: 2px solid var(--line); background: linear-gradient(var(--tint), var(--tint)), var(--bg); margin: 1px 0; }
.capviz-px button.capviz-px-word[data-content=false] { border-style: dotted; }
.capviz-px button.capviz-px-word[aria-pressed=true] { border-color: var(--accent); border-style: solid; font-weight: 650; box-shadow: inset 0 -2px 0 var(--accent); }
.capviz-px-word small { font-size: 10px; font-weight: 400; font-variant-numeric: tabular-nums; opacity: .92; }
.capviz-px-scale { display: grid; grid-template-columns: auto minmax(60px, 1fr) auto; gap: 2px 8px; align-items: center; font-size: 12px; font-variant-numeric: tabular-nums; }
.capviz-px-scale > div { height: 12px; border-radius: 6px; border: 1px solid var(--line); }
.capviz-px-facts { display: flex; gap: 4px 16px; flex-wrap: wrap; margin-bottom: 4px; }
.capviz-px-facts b { font-weight: 600; font-variant-numeric: tabular-nums; }
.capviz-px-mark { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px; background: var(--muted); }
.capviz-px-mark[data-trust=exact] { background: var(--good); } .capviz-px-mark[data-trust=rough] { background: var(--warn); } .capviz-px-mark[data-trust=broken] { background: var(--error); }
.capviz-px-chips { display: flex; flex-wrap: wrap; gap: 5px; max-height: 92px; overflow: auto; }
.capviz-px button.capviz-px-chip { border-radius: 999px; padding: 1px 9px; font-size: 12px; display: inline-flex; gap: 6px; max-width: 100%; background: linear-gradient(var(--tint, transparent), var(--tint, transparent)); }
.capviz-px button.capviz-px-chip[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.capviz-px-table { border-collapse: collapse; width: 100%; font-size: 12px; }
.capviz-px-table :is(td, th) { padding: 3px 6px; border-top: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; font-weight: 400; }
.capviz-px-table :is(td, th):first-child { text-align: left; }
.capviz-px-table thead th { border-top: 0; color: var(--muted); }
.capviz-px-empty { margin: auto; text-align: center; max-width: 420px; padding: 24px; display: flex; flex-direction: column; gap: 10px; align-items: center; }
.capviz-px-spin { width: 12px; height: 12px; border: 2px solid #8888; border-top-color: var(--accent); border-radius: 50%; display: inline-block; animation: capviz-px-turn .8s linear infinite; flex: none; }
@keyframes capviz-px-appear { from { opacity: 0; } to { opacity: 1; } }
@keyframes capviz-px-turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { .capviz-px-spin { animation: none; } .capviz-px-stage :is(img, canvas) { transition: none; } }
`;
