/** The widths of the columns. */
export const style = `
table { min-width: 68rem; }
[data-column="family"] { width: 9.75rem; }
[data-column="supported"], [data-column="params"] { width: 6.5rem; }
[data-column="top1"], [data-column="gmacs"] { width: 5.75rem; }
[data-column="size"] { width: 5rem; }
[data-column="data"] { width: 11.5rem; }
[data-column="licence"] { width: 8rem; }
@media (max-width: 40rem) { table { min-width: 62rem; } [data-column="name"] { width: 10.75rem; } }
`;
