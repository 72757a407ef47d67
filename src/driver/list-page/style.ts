/** Colours follow the reader's setting; every pair of text and ground has a contrast of 4.5 at least. */
export const style = `
:root { color-scheme: light dark; --ground: #ffffff; --raised: #f3f4f6; --text: #16181d; --quiet: #565c68; --line: #c9ced6; --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --raised: #1f2329; --text: #e8eaed; --quiet: #a6adba; --line: #3d434d; --link: #8ab4f8; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
p { margin: 0 0 .75rem; color: var(--quiet); max-width: 75ch; }
form { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin-bottom: .5rem; }
form[hidden] { display: none; }
label { display: grid; gap: .15rem; font-size: .8rem; color: var(--quiet); }
input, select, button { font: inherit; color: var(--text); background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: .3rem .5rem; }
input[type="number"] { width: 7.5rem; }
input[type="search"] { width: 16rem; max-width: 100%; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; }
output { display: block; margin: .25rem 0 .5rem; font-weight: 600; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; background: var(--ground); color: var(--link); padding: .5rem; }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .4rem .6rem; color: var(--quiet); }
th, td { padding: .2rem .6rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
tbody th { font-weight: 500; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--raised); padding: 0; }
thead button { width: 100%; padding: .4rem .6rem; border: 0; border-radius: 0; background: none; font-weight: 600; text-align: inherit; cursor: pointer; white-space: nowrap; }
.n { text-align: right; }
thead button::after { content: " \\2195"; color: var(--quiet); }
thead [aria-sort="ascending"] button::after { content: " \\2191"; color: var(--text); }
thead [aria-sort="descending"] button::after { content: " \\2193"; color: var(--text); }
tbody tr:hover { background: var(--raised); }
@media print { form, .skip { display: none; } .scroll { max-height: none; overflow: visible; } }
`;
