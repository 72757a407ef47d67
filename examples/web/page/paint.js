// Heat over a picture.

// Matplotlib's inferno, at five places: its lightness grows evenly, so it reads without colours, too.
const colours = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** @param {number} share 0 to 1 */
function colourOf(share) {
  const at = share * (colours.length - 1);
  const low = colours[Math.floor(at)] ?? [];
  const high = colours[Math.ceil(at)] ?? low;
  return low.map((x, i) => x + ((high[i] ?? x) - x) * (at % 1));
}

/**
 * Draws the picture that the network was given, H W 3 bytes, and the heat over it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {import("./heat.js").Tensor} picture
 * @param {ReturnType<typeof import("./heat.js").heatOf>} heat
 * @param {number} opacity
 */
export function paint(canvas, { dims, data }, { height, width, values, least, most }, opacity) {
  const [, rows = 1, columns = 1] = dims;
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const at =
      Math.floor((Math.floor(i / columns) * height) / rows) * width + Math.floor(((i % columns) * width) / columns);
    const colour = colourOf(most > least ? ((values[at] ?? least) - least) / (most - least) : 0);
    for (let k = 0; k < 3; k++)
      image.data[4 * i + k] = (data[3 * i + k] ?? 0) * (1 - opacity) + (colour[k] ?? 0) * opacity;
    image.data[4 * i + 3] = 255;
  }
  Object.assign(canvas, { width: columns, height: rows }).getContext("2d")?.putImageData(image, 0, 0);
}
