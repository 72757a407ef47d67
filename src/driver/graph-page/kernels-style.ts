/**
 * The panel of kernels. Colours of kinds have a contrast of 3 with the ground, and every box says its kind in words, too. Tensors are
 * stretched with the picture; the widths of their lines are not.
 */
export const kernelsStyle = `
:root { --k-input: #5c6370; --k-convolution: #1d63b8; --k-depthwise: #4384d1; --k-product: #7c4bb8; --k-attention: #b6306e; --k-norm: #0d7a68; --k-pool: #a85b00; --k-elementwise: #66721b; }
@media (prefers-color-scheme: dark) {
  :root { --k-input: #939baa; --k-convolution: #5b9cf0; --k-depthwise: #a9cdff; --k-product: #b08cf0; --k-attention: #ef7fb0; --k-norm: #43bfa6; --k-pool: #e39a45; --k-elementwise: #adb94f; }
}
body:not([data-tab="kernels"]) #panel-kernels { display: none; }
.arena { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0 .5rem; margin: 0; }
.arena .scroll { grid-column: 2; background: none; padding-bottom: .2rem; }
.arena figcaption { grid-column: 2; }
.arena .time { padding-top: 1.5rem; }
.arena .plane { position: relative; }
.arena svg { display: block; height: 15rem; border-radius: 0; border-width: 0 0 1px 1px; border-color: var(--edge); cursor: default; touch-action: auto; overflow: visible; }
.arena .bytes { position: relative; width: 4.6rem; height: 15rem; margin-top: 1.5rem; }
.arena .bytes span { position: absolute; right: 0; transform: translateY(50%); font-size: .75rem; color: var(--quiet); white-space: nowrap; }
.arena .steps { position: relative; height: 1.1rem; }
.arena .steps span { position: absolute; transform: translateX(-50%); font-size: .75rem; color: var(--quiet); }
.tensor { stroke: var(--canvas); stroke-width: 1; vector-effect: non-scaling-stroke; cursor: pointer; outline: none; }
.tensor.output { stroke: var(--text); stroke-width: 2; }
.tensor:hover { stroke: var(--text); stroke-width: 2; }
.tensor[aria-selected="true"], .tensor:focus-visible { stroke: var(--text); stroke-width: 3; }
#arena-step { fill: var(--chosen); }
.bound { position: absolute; left: 0; right: 0; height: 0; border-top: 2px dashed var(--wrong); pointer-events: none; }
.bound span { position: absolute; left: .25rem; bottom: .1rem; font-size: .75rem; color: var(--wrong); }
.kinds { display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: .3rem 0; padding: 0; list-style: none; font-size: .8125rem; color: var(--quiet); }
.kinds li { display: inline-flex; gap: .35rem; align-items: center; }
.swatch { width: .9rem; height: .9rem; border-radius: 2px; }
.swatch.output { border: 2px solid var(--text); }
${["input", "convolution", "depthwise", "product", "attention", "norm", "pool", "elementwise"].map((kind) => `.tensor.${kind} { fill: var(--k-${kind}); } .swatch.${kind} { background: var(--k-${kind}); }`).join("\n")}
#tensor-facts { min-height: 1.45em; margin: .3rem 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
#kernel-scroll { max-height: 32rem; max-width: max-content; border: 1px solid var(--line); border-radius: 4px; }
#kernels { font-size: .8125rem; }
#kernels th, #kernels td { padding: .2rem .45rem; }
#kernels .link, #kernels code { white-space: nowrap; font-size: inherit; }
#kernels td:nth-child(3) { min-width: 9rem; }
#kernels thead th { position: sticky; top: 0; z-index: 1; background: var(--ground); box-shadow: inset 0 -1px var(--line); }
#kernels thead button { min-height: 0; padding: .1rem 0; border: 0; background: none; font: inherit; font-weight: 600; white-space: nowrap; }
#kernels [aria-sort="ascending"] button::after { content: " \\25B4" / ""; }
#kernels [aria-sort="descending"] button::after { content: " \\25BE" / ""; }
#kernels tr.chosen > * { background-color: var(--chosen); }
#kernels tfoot th, #kernels tfoot td { position: sticky; bottom: 0; background: var(--ground); box-shadow: inset 0 2px var(--edge); }
#kernels .heat { background: linear-gradient(var(--text), var(--text)) left bottom / calc(var(--heat) * 100%) 2px no-repeat, color-mix(in srgb, var(--hot) calc(var(--heat) * var(--hottest)), var(--ground)); }
@media (max-width: 60rem) {
  #kernels tbody th { position: sticky; left: 0; background: var(--ground); }
  .arena svg, .arena .bytes { height: 11rem; }
  figure.arena svg { height: 11rem; }
}
`;
