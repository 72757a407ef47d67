/** Beside the style of tables: the sums, the failures and the pictures; marks have a contrast of 3 at least. */
export const style = `
:root { --wrong: #b3261e; --m0: #0b57d0; --m1: #b3570a; --m2: #137333; --m3: #8430ce; --m4: #b3261e; --m5: #00696b; }
@media (prefers-color-scheme: dark) { :root { --wrong: #f2b8b5; --m0: #8ab4f8; --m1: #fdb06b; --m2: #81c995; --m3: #d7aefb; --m4: #f28b82; --m5: #78d9ec; } }
main { height: auto; }
h1, h2 { overflow-wrap: anywhere; }
h2 { margin: .75rem 0 .25rem; font-size: 1.05rem; }
a { color: var(--link); text-underline-offset: 2px; }
.facts { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: .25rem 0 .5rem; }
.facts div { display: flex; gap: .5rem; }
dt { color: var(--quiet); }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.notices, .failures { margin: 0 0 .5rem; padding-left: 1.25rem; overflow-wrap: anywhere; }
.failures p { margin: 0 0 .4rem; color: var(--text); white-space: pre-line; }
.failures .hint { color: var(--quiet); }
.wrong, .wrong a { color: var(--wrong); font-weight: 600; }
.pictures { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; }
figure { flex: 1 1 18rem; max-width: 34rem; min-width: 0; margin: .25rem 0; }
figcaption { font-weight: 600; }
figure > svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--quiet); }
.grid { stroke: var(--line); }
.mark { stroke: var(--ground); stroke-width: .5; }
.mark[hidden] { display: none; }
.m0 { fill: var(--m0); } .m1 { fill: var(--m1); } .m2 { fill: var(--m2); } .m3 { fill: var(--m3); } .m4 { fill: var(--m4); } .m5 { fill: var(--m5); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: 0; padding: 0; list-style: none; font-size: .8rem; color: var(--quiet); }
.legend svg { margin-right: .3rem; vertical-align: -2px; }
.scroll { flex: none; min-height: 0; max-height: max(18rem, calc(100dvh - 8rem)); }
[data-column] { width: 5.5rem; }
[data-column="name"] { width: 13rem; }
[data-column="input"] { width: 7rem; }
[data-column="state"], [data-column="target"] { width: 5rem; }
[data-column="precision"] { width: 7rem; }
[data-column="top1"] { width: 8rem; }
tr:target > * { background: var(--raised); }
tr:target > th { box-shadow: inset 3px 0 var(--link); }
@media (max-width: 40rem) { [data-column="name"] { width: 11rem; } }
`;
