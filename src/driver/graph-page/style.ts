/**
 * Colours follow the reader's setting. Text has a contrast of 4.5 at least on every ground that it stands on, with the
 * colour of cost under it too; edges of controls and the lines of the drawing one of 3. The drawing is set in letters of
 * equal width: its boxes were sized for them.
 */
export const style = `
:root { color-scheme: light dark; --ground: #ffffff; --raised: #f4f5f7; --canvas: #fafbfc; --text: #16181d; --quiet: #565c68; --line: #dfe2e7; --edge: #858b97; --link: #0b57d0; --chosen: #dbe7fd; --hot: #f08c1d; --hottest: 62%; --wrong: #b3261e; --mono: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --raised: #1f2329; --canvas: #101215; --text: #e8eaed; --quiet: #a6adba; --line: #2b3037; --edge: #747c89; --link: #8ab4f8; --chosen: #21375c; --hot: #c8690a; --hottest: 58%; --wrong: #f2b8b5; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; display: grid; grid-template: auto auto auto minmax(0, 1fr) / minmax(0, 1fr); height: 100vh; height: 100dvh; background: var(--ground); color: var(--text); font: 14px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; padding: .6rem 1rem .35rem; }
h1 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
h2 { margin: 1rem 0 .4rem; font-size: 1rem; overflow-wrap: anywhere; }
h3 { margin: .6rem 0 .2rem; font-size: .85rem; color: var(--quiet); }
.facts { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0; color: var(--quiet); }
.notices { margin: 0 1rem .5rem; padding: .4rem .75rem .4rem 1.75rem; border: 1px solid var(--edge); border-radius: 4px; }
code, pre, svg text { font-family: var(--mono); }
code { font-size: .92em; overflow-wrap: anywhere; }
button, input, select { font: .875rem/1.4 system-ui, sans-serif; color: var(--text); background: var(--ground); border: 1px solid var(--edge); border-radius: 4px; min-height: 2rem; padding: 0 .6rem; }
button, select, summary { cursor: pointer; }
button:hover { background: var(--raised); }
button.link { min-height: 0; padding: 0; border: 0; background: none; color: var(--link); text-align: left; text-decoration: underline; text-underline-offset: 2px; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 5; padding: .5rem; background: var(--ground); color: var(--link); }
.search { position: relative; margin-left: auto; }
.search input { width: 20rem; max-width: 100%; }
#found { position: absolute; right: 0; z-index: 4; width: min(36rem, 92vw); max-height: 22rem; margin: .25rem 0 0; padding: .25rem; overflow: auto; list-style: none; background: var(--ground); border: 1px solid var(--edge); border-radius: 6px; box-shadow: 0 8px 24px rgb(0 0 0 / 25%); }
#found li { padding: .25rem .5rem; border-radius: 4px; overflow-wrap: anywhere; cursor: pointer; }
#found li[aria-selected="true"], #found li:hover { background: var(--chosen); }
.kind { color: var(--quiet); }
#found .kind { display: inline-block; min-width: 6rem; }
[role="tablist"] { grid-row: 3; display: flex; gap: .25rem; padding: 0 1rem; border-bottom: 1px solid var(--line); }
[role="tab"] { border: 0; border-bottom: 3px solid transparent; border-radius: 0; background: none; color: var(--quiet); }
[role="tab"][aria-selected="true"] { border-bottom-color: var(--link); color: var(--text); font-weight: 600; }
main { grid-row: 4; display: grid; grid-template-columns: minmax(24rem, 31rem) minmax(0, 1fr); min-height: 0; }
.bar { display: flex; flex-wrap: wrap; gap: .4rem .6rem; align-items: center; margin: .5rem 0; }
.bar label { display: inline-flex; gap: .4rem; align-items: center; color: var(--quiet); }
#panel-modules { display: flex; flex-direction: column; min-width: 0; min-height: 0; padding: 0 0 0 1rem; border-right: 1px solid var(--line); }
#panel-modules .scroll { flex: 1; min-height: 0; overflow: auto; padding-right: .5rem; }
#work { min-width: 0; min-height: 0; display: grid; }
#work > section { min-width: 0; min-height: 0; padding: 0 1rem .5rem; overflow: auto; }
body:not([data-tab="graph"]) #panel-graph, body:not([data-tab="passes"]) #panel-passes, body:not([data-tab="taps"]) #panel-taps { display: none; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { font-weight: 600; vertical-align: bottom; }
.n { text-align: right; white-space: nowrap; }
/* A shadow at the side on which there is more: the ground over it scrolls with the table, the shadow stays. */
.scroll { overflow: auto; scrollbar-width: thin; scrollbar-color: var(--edge) transparent; background: linear-gradient(to right, var(--ground) 40%, transparent) left / 2rem calc(100% + 4px) no-repeat local, linear-gradient(to left, var(--ground) 40%, transparent) right / 2rem calc(100% + 4px) no-repeat local, linear-gradient(to right, var(--edge), transparent) left / .75rem 100% no-repeat, linear-gradient(to left, var(--edge), transparent) right / .75rem 100% no-repeat; }
#panel-taps .scroll code { white-space: nowrap; }
.scroll .rules { min-width: 12rem; }
#panel-passes .scroll code, #panel-passes .scroll .link { overflow-wrap: normal; }
#panel-taps .scroll { max-height: 25rem; max-width: max-content; border: 1px solid var(--line); border-radius: 4px; }
#stages, #outputs table { font-size: .8125rem; }
#stages th, #stages td { padding: .2rem .4rem; vertical-align: middle; }
#stages thead th { position: sticky; top: 0; z-index: 1; background: var(--ground); }
.without-prefix .prefix:not(:has(:checked)), .without-attention .attention:not(:has(:checked)) { display: none; }
.error { margin: 0 0 .5rem; color: var(--wrong); overflow-wrap: anywhere; }
.error:empty { display: none; }
[aria-invalid="true"] { border-color: var(--wrong); }
.hint { margin: .2rem 0 .5rem; color: var(--quiet); max-width: 80ch; }
#tree { width: 100%; table-layout: fixed; font-size: .8125rem; }
#tree thead th:nth-child(2) { width: 6.4rem; }
#tree thead th:nth-child(3), #tree thead th:nth-child(4) { width: 4.3rem; }
#tree thead th:nth-child(5) { width: 4.9rem; }
#tree thead th { position: sticky; top: 0; z-index: 1; background: var(--ground); }
#tree th, #tree td { padding: .14rem .35rem; }
#tree tbody th { padding-left: calc(1.25rem + var(--depth) * .85rem); text-indent: -1.05rem; overflow-wrap: anywhere; }
#tree tbody tr { cursor: default; }
#tree tbody tr:hover { background: var(--raised); }
#tree tbody tr[aria-selected="true"] { background: var(--chosen); }
#tree tr:focus-visible { outline-offset: -3px; }
#tree .shape { color: var(--quiet); white-space: nowrap; }
#tree .gone { color: var(--quiet); font-style: italic; }
#tree .heat { background: linear-gradient(var(--text), var(--text)) left bottom / calc(var(--heat) * 100%) 2px no-repeat, color-mix(in srgb, var(--hot) calc(var(--heat) * var(--hottest)), var(--ground)); }
.twisty { display: inline-block; width: 1.05rem; text-align: center; text-indent: 0; color: var(--quiet); cursor: pointer; }
.parent[aria-expanded="false"] .twisty::before { content: "\\25B8"; }
.parent[aria-expanded="true"] .twisty::before { content: "\\25BE"; }
#panel-graph { display: flex; flex-direction: column; }
#panel-graph .bar { justify-content: space-between; }
#crumbs { display: flex; flex-wrap: wrap; margin: 0; padding: 0; list-style: none; }
#crumbs li + li::before { content: "\\203A"; padding: 0 .4rem; color: var(--quiet); }
#crumbs [aria-current] { font-weight: 600; }
.views { display: inline-flex; margin: 0 0 0 auto; padding: 0; border: 0; }
.views label { gap: 0; }
.views input { position: absolute; min-height: 0; opacity: 0; }
.views span { position: relative; padding: .3rem .7rem; border: 1px solid var(--edge); margin-left: -1px; color: var(--text); cursor: pointer; }
.views label:first-of-type span { border-radius: 4px 0 0 4px; }
.views label:last-of-type span { border-radius: 0 4px 4px 0; }
.views input:checked + span { z-index: 1; border-color: var(--link); background: var(--chosen); font-weight: 600; box-shadow: inset 0 -3px var(--link); }
.views input:focus-visible + span { outline: 3px solid var(--link); outline-offset: 1px; }
.zoom { display: inline-flex; gap: .25rem; }
.stage { flex: 1; display: grid; grid-template-columns: minmax(0, 1fr) minmax(15rem, 19rem); gap: .75rem; min-height: 0; }
#canvases { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: .5rem; min-height: 0; }
figure { position: relative; display: flex; flex-direction: column; min-width: 0; min-height: 0; margin: 0; }
figcaption { padding: 0 0 .2rem; color: var(--quiet); font-size: .8125rem; }
[data-view="before"] .after, [data-view="after"] .before { display: none; }
figure svg { flex: 1; width: 100%; min-height: 0; background: var(--canvas); border: 1px solid var(--line); border-radius: 6px; touch-action: none; cursor: grab; }
figure svg:active { cursor: grabbing; }
svg text { fill: var(--text); pointer-events: none; }
.title { font-size: 13px; font-weight: 700; }
.line { font-size: 11px; }
.nothing { position: absolute; inset: 0; display: grid; place-items: center; margin: 0; padding: 1rem; font-size: 1rem; text-align: center; overflow-wrap: anywhere; pointer-events: none; }
.nothing:empty { display: none; }
.item { cursor: pointer; outline: none; }
.box { fill: color-mix(in srgb, var(--hot) calc(var(--heat, 0) * var(--hottest)), var(--ground)); stroke: var(--edge); }
.under { fill: var(--raised); stroke: var(--edge); }
.gone .box, .gone .under { stroke-dasharray: 5 3; }
.op .title { font-weight: 400; font-style: italic; }
.input .box, .output .box { fill: var(--raised); }
.input .title, .output .title { font-weight: 400; font-size: 12px; }
.cost { transform-origin: 5px 0; }
.item .cost { fill: var(--text); transform: scaleX(var(--heat, 0)); }
.item:hover .box { stroke: var(--text); }
.item[aria-selected="true"] .box { stroke: var(--link); stroke-width: 3; }
.item:focus-visible .box { stroke: var(--link); stroke-width: 4; }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.4; stroke-linejoin: round; }
.head { fill: var(--edge); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: center; margin: .35rem 0 0; color: var(--quiet); font-size: .8125rem; }
.scale { width: 6rem; height: .7rem; border: 1px solid var(--edge); border-radius: 2px; background: linear-gradient(to right, var(--ground), color-mix(in srgb, var(--hot) var(--hottest), var(--ground))); }
#details { min-width: 0; overflow: auto; padding: 0 .25rem 1rem; }
#details h2 { margin-top: 0; }
#details p { margin: .2rem 0 .6rem; }
.actions { display: flex; flex-wrap: wrap; gap: .4rem; }
dl { margin: .5rem 0; }
dt { margin-top: .45rem; color: var(--quiet); font-size: .8125rem; }
dd { margin: 0; overflow-wrap: anywhere; }
dd ul, .rules, #added { margin: 0; padding: 0; list-style: none; }
#details dd li { margin-bottom: .25rem; }
#cost-title { margin-top: .8rem; }
#cost { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .9rem; }
#cost dt { margin: 0; font-size: inherit; }
#added li { display: flex; gap: .5rem; align-items: center; margin-bottom: .3rem; }
#stages label { display: inline-flex; gap: .4rem; align-items: center; cursor: pointer; white-space: nowrap; }
[type="checkbox"] { min-height: 0; width: 1.05rem; height: 1.05rem; accent-color: var(--link); }
#stages tr:has(:checked) { background: var(--chosen); }
.sum th, .sum td { border-top: 2px solid var(--edge); font-weight: 600; }
.where { margin: 0 0 .4rem; }
pre { margin: 0; padding: .6rem .75rem; overflow: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; white-space: pre-wrap; }
pre code { font-size: .85rem; }
h3 + .copy { float: right; margin: .4rem; }
@media (max-width: 80rem) {
  main { grid-template-columns: minmax(20rem, 24rem) minmax(0, 1fr); }
  #tree tr > :nth-child(5) { display: none; }
}
@media (max-width: 60rem) {
  body { display: block; height: auto; }
  header { padding: .5rem .75rem; }
  .search, .search input { width: 100%; margin: 0; }
  [role="tablist"] { position: sticky; top: 0; z-index: 3; padding: 0 .75rem; background: var(--ground); }
  [role="tab"] { flex: 1; min-height: 2.6rem; padding: 0 .25rem; }
  main { display: block; }
  body:not([data-tab="modules"]) #panel-modules, body[data-tab="modules"] #work { display: none; }
  #panel-modules { padding: 0 .75rem; border: 0; }
  #work > section { padding: 0 .75rem .75rem; overflow: visible; }
  #tree tbody tr { height: 2.2rem; }
  #tree th, #tree td { vertical-align: middle; }
  #tree .twisty { width: 2rem; padding: .35rem 0; }
  #tree tbody th { padding-left: calc(2rem + var(--depth) * .7rem); text-indent: -2rem; }
  #stages tbody th { position: sticky; left: 0; background: var(--ground); }
  #stages tr:has(:checked) th { background: var(--chosen); }
  .stage { display: block; }
  figure svg { flex: none; height: 62vh; height: 62svh; }
  #canvases[data-view="both"] { grid-auto-flow: row; }
  #details { padding-top: .75rem; }
}
@media (min-width: 60.01rem) { #tab-modules { display: none; } }
@media print { .needs-script { display: none; } body, main, #work { display: block; height: auto; } #work > section { display: block !important; overflow: visible; } }
`;
