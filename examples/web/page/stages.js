// The part of the page that shows what a stage of the network responds to.
import { heatOf, ways } from "./heat.js";
import { paint } from "./paint.js";
import { byId, element } from "./view.js";

/** @typedef {import("./heat.js").Tensor} Tensor */

/**
 * Offers every output that is a map; gives what shows them for another picture.
 *
 * @param {Readonly<Record<string, { readonly format: string | null, readonly module: string | null }>>} outputs
 */
export function mountStages(outputs) {
  const names = Object.keys(outputs).filter((tap) => ["NCHW", "NHWC"].includes(outputs[tap]?.format ?? ""));
  const [choice, how] = [byId("stage-choice", HTMLFieldSetElement), byId("how", HTMLSelectElement)];
  const [opacity, canvas] = [byId("opacity", HTMLInputElement), byId("heat", HTMLCanvasElement)];
  /** @type {{ readonly picture: Tensor, readonly results: Readonly<Record<string, Tensor>> } | undefined} */
  let seen;

  const show = () => {
    const tap = choice.querySelector("input:checked")?.getAttribute("value") ?? "";
    const features = seen?.results[tap];
    if (seen === undefined || features === undefined) return;
    const { values, height, width, least, most } = heatOf(features, outputs[tap]?.format ?? "", how.value);
    paint(canvas, seen.picture, { values, height, width, least, most }, Number(opacity.value));
    const at = values.indexOf(most);
    const place = `row ${Math.floor(at / width) + 1}, column ${(at % width) + 1} of ${height} x ${width}`;
    canvas.setAttribute(
      "aria-label",
      `${tap}, ${how.selectedOptions[0]?.text} of the channels: the most is in ${place}`,
    );
    byId("least", HTMLElement).textContent = least.toFixed(2);
    byId("most", HTMLElement).textContent = most.toFixed(2);
  };

  for (const [i, tap] of names.entries()) {
    const radio = element("input", {
      type: "radio",
      name: "stage",
      defaultValue: tap,
      checked: i === names.length >> 1,
    });
    const module = element("small", {}, outputs[tap]?.module ?? "");
    choice.append(element("label", {}, radio, ` ${tap} `, module));
  }
  how.append(...Object.entries(ways).map(([value, { text }]) => element("option", { value }, text)));
  for (const control of [choice, how, opacity]) control.addEventListener("input", show);

  /** @param {Tensor} picture the input @param {Readonly<Record<string, Tensor>>} results */
  return (picture, results) => {
    seen = { picture, results };
    byId("stages", HTMLElement).hidden = names.length === 0;
    show();
  };
}
