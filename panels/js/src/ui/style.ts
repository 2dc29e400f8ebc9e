import type { CSSProperties } from "react";
import type { Palette } from "./palette";

/** The palette as CSS variables, for the style sheets of the panels. */
export function variables(palette: Palette): CSSProperties {
  return {
    "--capviz-background": palette.background,
    "--capviz-raised": palette.raised,
    "--capviz-text": palette.text,
    "--capviz-muted": palette.muted,
    "--capviz-line": palette.line,
    "--capviz-accent": palette.accent,
    "--capviz-focus": palette.focus,
    "--capviz-marked": palette.marked,
    "--capviz-marked-text": palette.markedText,
    "--capviz-error": palette.error,
    "--capviz-good": palette.good,
    "--capviz-warning": palette.warning,
    colorScheme: palette.dark ? "dark" : "light",
  } as CSSProperties;
}

/**
 * What panels look like alike; a panel's own sheet comes after it.
 *
 * Every rule holds inside the panel alone: beside another panel, whose sheet may come later, each
 * keeps its look. `:where` leaves the weight of a class as it is without.
 *
 * @param root class of the panel's root
 */
export function sharedSheet(root: string): string {
  return `
.${root} { box-sizing: border-box; height: 100%; display: flex; flex-direction: column;
  background: var(--capviz-background); color: var(--capviz-text); font-size: 13px; line-height: 1.4;
  container-type: inline-size; }
.${root} *, .${root} *::before { box-sizing: border-box; }
:where(.${root}) .capviz-scroll { flex: 1; min-height: 0; overflow: auto; padding: 12px; }
:where(.${root}) .capviz-scroll[data-margins=true] { padding-inline: 54px; } /* the modal's arrows lie there */
:where(.${root}) .capviz-card { background: var(--capviz-raised); border: 1px solid var(--capviz-line); border-radius: 8px; padding: 10px 12px; }
.${root} h3 { margin: 0 0 6px; font-size: 12px; font-weight: 600; color: var(--capviz-muted); letter-spacing: .02em; }
:where(.${root}) .capviz-row { display: flex; align-items: center; gap: 8px; flex-wrap: wrap; }
:where(.${root}) .capviz-muted { color: var(--capviz-muted); }
:where(.${root}) .capviz-small { font-size: 12px; }
:where(.${root}) .capviz-error { color: var(--capviz-error); border: 1px solid var(--capviz-error); border-radius: 6px; padding: 6px 10px; overflow-wrap: anywhere; }
.${root} label { display: inline-flex; align-items: center; gap: 6px; }
.${root} button { font: inherit; color: var(--capviz-text); background: transparent; border: 1px solid var(--capviz-line);
  border-radius: 6px; padding: 4px 10px; cursor: pointer; }
.${root} button:hover:not(:disabled) { border-color: var(--capviz-muted); }
.${root} button:disabled { opacity: .45; cursor: default; }
.${root} button.capviz-primary { background: var(--capviz-accent); border-color: var(--capviz-accent); color: #fff; font-weight: 600; }
.${root} button.capviz-quiet { border-color: transparent; padding: 4px 6px; color: var(--capviz-muted); }
.${root} button.capviz-quiet:hover:not(:disabled) { color: var(--capviz-text); }
.${root} :is(button, input, select, [tabindex]):focus-visible { outline: 2px solid var(--capviz-accent); outline-offset: 1px; }
.${root} :is(input[type=text], input[type=number], select) { font: inherit; color: var(--capviz-text); background: var(--capviz-background);
  border: 1px solid var(--capviz-line); border-radius: 6px; padding: 5px 8px; min-width: 0; }
.${root} input[type=range], .${root} input[type=checkbox] { accent-color: var(--capviz-accent); }
:where(.${root}) .capviz-switch { display: inline-flex; border: 1px solid var(--capviz-line); border-radius: 6px; overflow: hidden; }
:where(.${root}) .capviz-switch button { border: 0; border-radius: 0; padding: 3px 10px; font-size: 12px; }
:where(.${root}) .capviz-empty { margin: auto; text-align: center; max-width: 420px; padding: 24px; }
:where(.${root}) .capviz-empty h2 { font-size: 16px; margin: 0; }
:where(.${root}) .capviz-spin { width: 12px; height: 12px; border: 2px solid var(--capviz-line); border-top-color: var(--capviz-accent); border-radius: 50%;
  display: inline-block; animation: capviz-turn .8s linear infinite; flex: none; }
@keyframes capviz-turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { :where(.${root}) .capviz-spin { animation: none; } }
`;
}
