// From what a person gives to pixels: rows from the top, R, G, B and alpha a pixel.

/** @param {Blob} blob */
export async function pixelsOf(blob) {
  if (!blob.type.startsWith("image/"))
    throw new TypeError(`${nameOf(blob)} is no picture: it is ${blob.type === "" ? "of no known type" : blob.type}`);
  // As timm reads it: without the rotation that a camera notes, without colour profiles, alpha apart.
  const options = { imageOrientation: "none", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(blob, /** @type {ImageBitmapOptions} */ (options)).catch(() => undefined);
  if (bitmap === undefined) throw new TypeError(`${nameOf(blob)} cannot be read as a picture: it may be damaged`);
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new TypeError(`there is no memory for ${width} x ${height} pixels`);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** @param {Blob} blob */
const nameOf = (blob) => (blob instanceof File && blob.name !== "" ? blob.name : "what you gave");

/**
 * Pictures that are chosen, dropped anywhere on the page, or pasted.
 *
 * @param {HTMLInputElement} input
 * @param {(blob: Blob) => void} take
 */
export function listen(input, take) {
  /** @param {FileList | undefined} files */
  const first = (files) => {
    const [file] = files ?? [];
    if (file !== undefined) take(file);
  };
  input.addEventListener("change", () => {
    first(input.files ?? undefined);
    input.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", (event) => first(event.clipboardData?.files));
  for (const name of /** @type {const} */ (["dragenter", "dragover", "dragleave", "drop"]))
    document.addEventListener(name, (event) => {
      event.preventDefault();
      document.body.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop") first(event.dataTransfer?.files);
    });
}
