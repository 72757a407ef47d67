/**
 * Colours follow the reader's setting. Text has a contrast of 4.5 at least on every ground that it stands on, edges of
 * controls one of 3. Columns have fixed widths, which each page gives, so that a filter does not move them; the names stay in sight.
 */
export const style = `
:root { color-scheme: light dark; --ground: #ffffff; --raised: #f3f4f6; --text: #16181d; --quiet: #565c68; --line: #dfe2e7; --edge: #858b97; --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --raised: #1f2329; --text: #e8eaed; --quiet: #a6adba; --line: #2b3037; --edge: #747c89; --link: #8ab4f8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.4 system-ui, sans-serif; }
main { display: flex; flex-direction: column; height: 100vh; height: 100dvh; min-height: min-content; padding: 1rem; }
h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
p { margin: 0 0 .75rem; color: var(--quiet); max-width: 90ch; }
form[hidden] { display: none; }
.fields { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin-top: .5rem; }
label { display: grid; gap: .15rem; font-size: .8rem; color: var(--quiet); }
input, select, button { font: .875rem/1.4 system-ui, sans-serif; color: var(--text); background: var(--ground); border: 1px solid var(--edge); border-radius: 4px; height: 2.125rem; padding: 0 .5rem; }
input { width: 8rem; }
input.wide { width: 22rem; max-width: 100%; }
select { width: 9.5rem; }
select.narrow { width: 6rem; }
summary, form button { cursor: pointer; }
summary { width: max-content; margin-top: .5rem; padding: .2rem 0; color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; }
output { display: block; margin: .5rem 0; font-weight: 600; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; z-index: 3; background: var(--ground); color: var(--link); padding: .5rem; }
.scroll { flex: 1; min-height: 18rem; overflow: auto; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: separate; border-spacing: 0; table-layout: fixed; width: 100%; font-size: .875rem; line-height: 1.25rem; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; overflow-wrap: break-word; border-bottom: 1px solid var(--line); }
tbody th { position: sticky; left: 0; background: var(--ground); font-weight: 500; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--raised); padding: 0; }
thead th:first-child { left: 0; z-index: 2; }
thead button { width: 100%; padding: 0 .6rem; border: 0; border-radius: 0; background: none; font-weight: 600; text-align: inherit; cursor: pointer; white-space: nowrap; }
thead button:focus-visible { outline-offset: -3px; }
.n { text-align: right; }
thead button::after { content: " \\2195"; color: var(--quiet); }
thead [aria-sort="ascending"] button::after { content: " \\2191"; color: var(--link); }
thead [aria-sort="descending"] button::after { content: " \\2193"; color: var(--link); }
tbody tr:hover > * { background: var(--raised); }
@media (max-width: 40rem) {
  main { padding: .75rem; }
  p { font-size: .85rem; margin-bottom: .5rem; }
  input.wide { width: 100%; }
  th, td, thead button { padding-inline: .4rem; }
}
@media print { form, .skip { display: none; } main { display: block; height: auto; } .scroll { overflow: visible; border: 0; } }
`;
