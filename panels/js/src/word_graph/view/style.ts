/** The panel's style sheet; colors come in as CSS variables. */
export const SHEET = `
.capviz-wg{position:relative;container-type:inline-size;display:flex;flex-direction:column;height:100%;min-height:0;box-sizing:border-box;
  background:var(--capviz-background);color:var(--capviz-text);font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
.capviz-wg *{box-sizing:border-box}
.capviz-wg button,.capviz-wg select,.capviz-wg input{font:inherit;color:inherit}
.capviz-wg :focus-visible{outline:2px solid var(--capviz-accent);outline-offset:1px}
.capviz-wg-controls{display:flex;flex-direction:column;gap:6px;padding:8px 10px;border-bottom:1px solid var(--capviz-line)}
.capviz-wg-row{display:flex;flex-wrap:wrap;align-items:center;gap:6px 8px}
.capviz-wg-gap{flex:1}
.capviz-wg-field{display:inline-flex;align-items:center;gap:5px;color:var(--capviz-muted);font-size:12px;white-space:nowrap}
.capviz-wg select,.capviz-wg input{background:var(--capviz-raised);color:var(--capviz-text);border:1px solid var(--capviz-line);
  border-radius:4px;padding:2px 6px;height:26px;min-width:0}
.capviz-wg select{max-width:140px}
.capviz-wg input[type=number]{width:46px;appearance:textfield;-moz-appearance:textfield}
.capviz-wg input::-webkit-inner-spin-button{display:none}
.capviz-wg-search{width:116px}
.capviz-wg-button{background:var(--capviz-raised);border:1px solid var(--capviz-line);border-radius:4px;height:26px;padding:0 9px;cursor:pointer;
  white-space:nowrap}
.capviz-wg-button:hover,.capviz-wg-tag:hover{border-color:var(--capviz-muted)}
.capviz-wg-button[aria-pressed=true],.capviz-wg-button[aria-expanded=true]{border-color:var(--capviz-accent);color:var(--capviz-accent)}
.capviz-wg-tags{display:inline-flex;flex-wrap:wrap;gap:4px}
.capviz-wg-tag{display:inline-flex;align-items:center;gap:5px;background:none;border:1px solid var(--capviz-line);border-radius:12px;
  padding:0 7px;height:20px;font-size:11.5px;cursor:pointer}
.capviz-wg-tag i{width:9px;height:9px;border-radius:50%}
.capviz-wg-tag[aria-pressed=false]{opacity:.45;text-decoration:line-through}
.capviz-wg-plain{background:none;border:0;padding:0 4px;cursor:pointer;color:var(--capviz-muted)}
.capviz-wg-plain:hover{color:var(--capviz-text)}
.capviz-wg-status{display:flex;flex-wrap:wrap;align-items:center;gap:4px 8px;padding:5px 10px;min-height:32px;color:var(--capviz-muted);font-size:12px}
.capviz-wg-chip{display:inline-flex;align-items:center;gap:4px;border:1px solid var(--capviz-line);border-radius:12px;padding:0 4px 0 9px;
  background:var(--capviz-raised);color:var(--capviz-text);height:22px}
.capviz-wg-chip.capviz-wg-red{border-color:var(--capviz-focus);color:var(--capviz-focus)}
.capviz-wg-error{color:var(--capviz-error)}
.capviz-wg-stage{position:relative;flex:1 1 260px;min-height:180px;display:flex}
.capviz-wg-graph{position:relative;flex:1;min-width:0;overflow:hidden;cursor:grab;outline-offset:-2px}
.capviz-wg-graph:active{cursor:grabbing}
.capviz-wg-graph canvas{position:absolute;inset:0;width:100%;height:100%}
.capviz-wg-overlay{position:absolute;inset:0;contain:strict;overflow:hidden}
.capviz-wg-layer{position:absolute;inset:0;transform-origin:0 0;pointer-events:none}
.capviz-wg-word,.capviz-wg-pair{position:absolute;left:0;top:0;pointer-events:auto;cursor:pointer}
.capviz-wg-word{border-radius:50%}
.capviz-wg-word[data-pinned=true]{z-index:1}
.capviz-wg-pair{border-radius:50%}
.capviz-wg-pair:hover{background:var(--capviz-accent)}
.capviz-wg-tools{position:absolute;right:8px;top:8px;display:flex;flex-direction:column;gap:4px}
.capviz-wg-tools .capviz-wg-button{width:26px;padding:0;opacity:.85}
.capviz-wg-tip{position:absolute;left:8px;bottom:8px;max-width:70%;padding:5px 9px;border-radius:5px;border:1px solid var(--capviz-line);
  background:var(--capviz-raised);font-size:12px;pointer-events:none}
.capviz-wg-tip b{font-size:13px}
.capviz-wg-middle{position:absolute;inset:0;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:12px;
  padding:24px;text-align:center;color:var(--capviz-muted)}
.capviz-wg-middle p{margin:0;max-width:420px}
.capviz-wg-histogram{padding:4px 10px 2px;border-top:1px solid var(--capviz-line)}
.capviz-wg-caption{white-space:nowrap;overflow:hidden;display:flex;align-items:center;gap:8px;color:var(--capviz-muted);font-size:12px;min-height:22px}
.capviz-wg-brush{display:block;width:100%;cursor:crosshair;touch-action:none;border-radius:3px}
.capviz-wg-axis{display:flex;justify-content:space-between;color:var(--capviz-muted);font-size:10.5px;line-height:14px}
.capviz-wg-pairs{display:flex;flex-direction:column;flex:0 1 172px;min-height:96px;border-top:1px solid var(--capviz-line)}
.capviz-wg-tabs{display:flex;gap:2px;padding:4px 8px 0}
.capviz-wg-tabs button{background:none;border:0;border-bottom:2px solid transparent;padding:3px 8px;font-size:12px;color:var(--capviz-muted);
  cursor:pointer;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.capviz-wg-tabs button[aria-selected=true]{color:var(--capviz-text);border-color:var(--capviz-accent)}
.capviz-wg-scroll{flex:1;overflow:auto;min-height:0}
.capviz-wg-pairs table{width:100%;border-collapse:collapse;font-size:12px;font-variant-numeric:tabular-nums}
.capviz-wg-pairs th{position:sticky;top:0;background:var(--capviz-background);text-align:right;font-weight:500;padding:0}
.capviz-wg-pairs th button{background:none;border:0;padding:3px 8px;cursor:pointer;color:var(--capviz-muted);font-size:11.5px;width:100%;text-align:inherit;white-space:nowrap}
.capviz-wg-pairs th i{font-style:normal;display:inline-block;width:10px;margin-right:-4px}
.capviz-wg-pairs td{padding:2px 18px 2px 8px;text-align:right;border-top:1px solid var(--capviz-line);white-space:nowrap}
.capviz-wg-pairs th:first-child,.capviz-wg-pairs td:first-child{text-align:left}
.capviz-wg-pairs td span{color:var(--capviz-muted)}
.capviz-wg-pairs tbody tr{cursor:pointer}
.capviz-wg-pairs tbody tr:hover{background:var(--capviz-raised)}
.capviz-wg-pairs tbody tr[aria-selected=true]{background:var(--capviz-raised);color:var(--capviz-focus)}
.capviz-wg-none{margin:14px;text-align:center;color:var(--capviz-muted)}
.capviz-wg-menu{position:relative}
.capviz-wg-menu.capviz-wg-at{position:absolute;z-index:6}
.capviz-wg-menu.capviz-wg-at [role=menu]{right:auto;left:0;top:0;width:max-content}
.capviz-wg-menu [role=menu]{position:absolute;right:0;top:30px;z-index:5;min-width:160px;padding:4px;border:1px solid var(--capviz-line);
  border-radius:5px;background:var(--capviz-raised);box-shadow:0 6px 20px rgba(0,0,0,.35)}
.capviz-wg-menu [role=menuitem]{display:block;width:100%;text-align:left;background:none;border:0;border-radius:3px;padding:4px 9px;cursor:pointer}
.capviz-wg-menu [role=menuitem]:hover{background:var(--capviz-line)}
.capviz-wg-menu [role=menuitem]:disabled{opacity:.45;cursor:not-allowed;background:none}
.capviz-wg-busy{position:absolute;left:0;right:0;top:0;height:2px;overflow:hidden}
.capviz-wg-busy::after{content:"";position:absolute;inset:0;width:35%;background:var(--capviz-accent);animation:capviz-wg-slide 1.1s ease-in-out infinite}
@keyframes capviz-wg-slide{from{transform:translateX(-100%)}to{transform:translateX(300%)}}
.capviz-wg-compare{flex:1 1 260px;min-height:0;display:flex;flex-direction:column}
.capviz-wg-sides{flex:1;min-height:0;display:flex}
.capviz-wg-sides.capviz-wg-stacked{flex-direction:column}
.capviz-wg-side{flex:1;min-width:0;min-height:0;display:flex;flex-direction:column;border-left:1px solid var(--capviz-line)}
.capviz-wg-side:first-child{border-left:0}
.capviz-wg-stacked .capviz-wg-side{border-left:0;border-top:1px solid var(--capviz-line)}
.capviz-wg-side h3{margin:0;padding:5px 10px 0;font-size:13px;font-weight:600;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.capviz-wg-side h3 small{font-weight:400;color:var(--capviz-muted)}
.capviz-wg-typical{display:flex;flex-wrap:wrap;gap:4px;padding:4px 10px;max-height:58px;overflow:hidden}
.capviz-wg-typical button{border:1px solid;background:none;border-radius:11px;padding:0 8px;height:21px;font-size:12px;cursor:pointer}
.capviz-wg-scale{display:flex;align-items:center;gap:8px;padding:5px 10px;border-top:1px solid var(--capviz-line);font-size:12px;color:var(--capviz-muted)}
.capviz-wg-scale i{flex:0 1 180px;height:9px;border-radius:5px}
@container (max-width:560px){.capviz-wg-controls{padding:6px 8px;gap:5px}.capviz-wg-row{gap:5px 6px}.capviz-wg-search{flex:1 1 80px;width:80px}
  .capviz-wg select{max-width:104px}.capviz-wg-field{font-size:11.5px;gap:3px}.capviz-wg input[type=number]{width:44px}
  .capviz-wg-field select{padding:2px 2px}.capviz-wg-button{padding:0 7px}.capviz-wg-quiet{display:none}}
@container (max-width:430px){.capviz-wg-pairs tr>:nth-child(3),.capviz-wg-pairs tr>:nth-child(6){display:none}.capviz-wg-pairs td{padding-right:14px}
  .capviz-wg-tabs button{padding:3px 6px}.capviz-wg-tag{padding:0 5px;font-size:11px}.capviz-wg-status{padding:4px 8px}}
@media (prefers-reduced-motion:reduce){.capviz-wg-busy::after{animation:none;width:100%}}
`;
