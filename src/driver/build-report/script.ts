/** Behind the script of tables: what is filtered away has no mark in the pictures. */
export const script = `
const marks = [...document.querySelectorAll(".mark[data-row]")].map((mark) => [mark, document.getElementById(mark.dataset.row)]);
const fade = () => marks.forEach(([mark, row]) => mark.toggleAttribute("hidden", row.hidden));
form.addEventListener("input", fade);
form.addEventListener("reset", () => setTimeout(fade));
fade();
`;
