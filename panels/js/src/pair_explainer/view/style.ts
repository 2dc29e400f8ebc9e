/** What this panel adds to the style that panels share. */
export const SHEET = `
.capviz-px .capviz-scroll { display: flex; flex-direction: column; gap: 10px; }
.capviz-px-sides { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); align-items: start; }
@container (min-width: 620px) {
  .capviz-px-sides { grid-template-columns: minmax(0, 56%) minmax(0, 1fr); }
  .capviz-px-sides[data-two=true] { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
}
@container (min-width: 440px) { .capviz-px-sides[data-two=true] { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } }
.capviz-px-column { display: flex; flex-direction: column; gap: 10px; min-width: 0; }
.capviz-px .capviz-card { min-width: 0; }
.capviz-px p { margin: 0; }
.capviz-px-grow { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.capviz-px-number { font-variant-numeric: tabular-nums; }
.capviz-px .capviz-error { display: flex; gap: 10px; align-items: center; flex-wrap: wrap; }
.capviz-px label { min-width: 0; }
.capviz-px button.capviz-quiet { padding: 3px 6px; }
.capviz-px :is(input[type=text], select) { padding: 4px 8px; }
.capviz-px select { max-width: 100%; text-overflow: ellipsis; }
.capviz-px input[type=checkbox] { margin: 0; }
.capviz-px .capviz-switch button[aria-checked=true] { background: color-mix(in srgb, var(--capviz-accent) 24%, transparent); }
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
.capviz-px button.capviz-px-word { position: relative; display: inline-flex; flex-direction: column; align-items: center; vertical-align: middle; line-height: 1.25; padding: 2px 7px 1px; border-radius: 6px; border: 2px solid var(--capviz-line); background: linear-gradient(var(--tint), var(--tint)), var(--capviz-background); margin: 1px 0; }
.capviz-px button.capviz-px-word[data-content=false] { border-style: dotted; }
.capviz-px button.capviz-px-word[data-read=false] { text-decoration: line-through; opacity: .6; }
.capviz-px button.capviz-px-word[aria-pressed=true] { border-color: var(--capviz-accent); border-style: solid; font-weight: 650; box-shadow: inset 0 -2px 0 var(--capviz-accent); }
.capviz-px-word small { font-size: 10px; font-weight: 400; font-variant-numeric: tabular-nums; opacity: .92; }
.capviz-px-scale { display: grid; grid-template-columns: auto minmax(60px, 1fr) auto; gap: 2px 8px; align-items: center; font-size: 12px; font-variant-numeric: tabular-nums; }
.capviz-px-scale > div { height: 12px; border-radius: 6px; border: 1px solid var(--capviz-line); }
.capviz-px-facts { display: flex; gap: 4px 16px; flex-wrap: wrap; margin-bottom: 4px; }
.capviz-px-facts b { font-weight: 600; font-variant-numeric: tabular-nums; }
.capviz-px-mark { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px; background: var(--capviz-muted); }
.capviz-px-mark[data-trust=exact] { background: var(--capviz-good); } .capviz-px-mark[data-trust=rough] { background: var(--capviz-warning); } .capviz-px-mark[data-trust=broken] { background: var(--capviz-error); }
.capviz-px-chips { display: flex; flex-wrap: wrap; gap: 5px; max-height: 92px; overflow: auto; }
.capviz-px button.capviz-px-chip { border-radius: 999px; padding: 1px 9px; font-size: 12px; display: inline-flex; gap: 6px; max-width: 100%; background: linear-gradient(var(--tint, transparent), var(--tint, transparent)); }
.capviz-px button.capviz-px-chip[aria-pressed=true] { border-color: var(--capviz-accent); box-shadow: inset 0 0 0 1px var(--capviz-accent); }
.capviz-px-table { border-collapse: collapse; width: 100%; font-size: 12px; }
.capviz-px-table :is(td, th) { padding: 3px 6px; border-top: 1px solid var(--capviz-line); text-align: right; font-variant-numeric: tabular-nums; font-weight: 400; }
.capviz-px-table :is(td, th):first-child { text-align: left; }
.capviz-px-table thead th { border-top: 0; color: var(--capviz-muted); }
.capviz-px .capviz-empty { display: flex; flex-direction: column; gap: 10px; align-items: center; }
.capviz-px .capviz-spin { border-color: #8888; border-top-color: var(--capviz-accent); }
@keyframes capviz-px-appear { from { opacity: 0; } to { opacity: 1; } }
@media (prefers-reduced-motion: reduce) { .capviz-px-stage :is(img, canvas) { transition: none; } }
`;
