/** What inline styles cannot say: hover, focus, fade-in. Colors come in as CSS variables. */
export const SHEET = `
.capviz-sg-gallery select, .capviz-sg-gallery button.capviz-sg-button {
  font: inherit; font-size: 12px; color: var(--capviz-text); background: var(--capviz-raised);
  border: 1px solid var(--capviz-line); border-radius: 6px; height: 28px; padding: 0 8px;
  min-width: 0; cursor: pointer;
}
.capviz-sg-gallery select { max-width: 100%; text-overflow: ellipsis; }
.capviz-sg-gallery select:disabled, .capviz-sg-gallery button.capviz-sg-button:disabled {
  opacity: 0.5; cursor: default;
}
.capviz-sg-gallery select:hover:enabled, .capviz-sg-gallery button.capviz-sg-button:hover:enabled {
  border-color: var(--capviz-muted);
}
.capviz-sg-gallery :focus-visible { outline: 2px solid var(--capviz-accent); outline-offset: 2px; }
.capviz-sg-card {
  background: var(--capviz-raised); border: 1px solid var(--capviz-line); border-radius: 10px;
  overflow: hidden; cursor: pointer; display: flex; flex-direction: column;
  transition: border-color 0.15s, transform 0.15s;
}
.capviz-sg-card:hover { border-color: var(--capviz-muted); transform: translateY(-1px); }
.capviz-sg-card canvas { display: block; animation: capviz-appear 0.2s; }
.capviz-sg-word {
  font: inherit; color: inherit; background: none; border: 0; padding: 0 1px; margin: 0;
  border-radius: 3px; cursor: pointer; text-decoration: underline dotted transparent;
  text-underline-offset: 3px;
}
.capviz-sg-word:hover { text-decoration-color: currentColor; }
.capviz-sg-word[aria-pressed="true"] { text-decoration: underline solid currentColor; }
.capviz-sg-link {
  font: inherit; font-size: 12px; color: var(--capviz-accent); background: none; border: 0;
  padding: 0 2px; cursor: pointer;
}
.capviz-sg-link:hover { text-decoration: underline; }
@keyframes capviz-appear { from { opacity: 0; } }
@keyframes capviz-turn { to { transform: rotate(360deg); } }
.capviz-sg-spinner {
  width: 12px; height: 12px; border-radius: 50%; display: inline-block; flex: none;
  border: 2px solid var(--capviz-line); border-top-color: var(--capviz-accent);
  animation: capviz-turn 0.8s linear infinite;
}
@media (prefers-reduced-motion: reduce) {
  .capviz-sg-card, .capviz-sg-card canvas { transition: none; animation: none; }
}
`;
