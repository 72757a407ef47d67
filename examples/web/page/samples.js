// Pictures that come with the page.
import { byId, element } from "./view.js";

/** @param {(blob: Blob) => void} take */
export async function mountSamples(take) {
  const place = byId("samples", HTMLDivElement);
  /** @type {string[]} */
  const names = await (await fetch("/pictures.json")).json();
  const buttons = names.map((name) => {
    const image = element("img", { src: `/pictures/${name}`, alt: name.replace(/\.\w+$/, ""), loading: "lazy" });
    return element("button", { type: "button", onclick: () => choose(name), ariaPressed: "false" }, image);
  });
  place.append(...buttons);

  /** @param {string} chosen */
  async function choose(chosen) {
    for (const [i, name] of names.entries()) buttons[i]?.setAttribute("aria-pressed", String(name === chosen));
    take(await (await fetch(`/pictures/${chosen}`)).blob());
  }
}
