// Moving and scaling a drawing: by pointer, wheel, fingers, and by the buttons of the toolbar.

const leastScale = 0.1;
const mostScale = 3;

/**
 * @param {SVGSVGElement} frame
 * @param {SVGGElement} drawing
 */
export function mountPanZoom(frame, drawing) {
  let view = { x: 0, y: 0, scale: 1 };
  let size = { width: 1, height: 1 };
  /** @type {Map<number, { x: number, y: number }>} */
  const pointers = new Map();
  let moved = 0;

  const apply = () => drawing.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);

  const zoomAt = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ factor) => {
    const scale = Math.min(mostScale, Math.max(leastScale, view.scale * factor));
    const by = scale / view.scale;
    view = { x: x - (x - view.x) * by, y: y - (y - view.y) * by, scale };
    apply();
  };

  const pan = (/** @type {number} */ dx, /** @type {number} */ dy) => {
    view = { ...view, x: view.x + dx, y: view.y + dy };
    apply();
  };

  const place = (/** @type {{ clientX: number, clientY: number }} */ event) => {
    const { left, top } = frame.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  frame.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      if (event.ctrlKey || event.metaKey) zoomAt(x, y, Math.exp(-event.deltaY / 300));
      else pan(-event.deltaX, -event.deltaY);
    },
    { passive: false },
  );
  frame.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, place(event));
    moved = 0;
  });
  frame.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = place(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (other === undefined) return pan(now.x - before.x, now.y - before.y);
    const distance = (/** @type {{ x: number, y: number }} */ p) => Math.hypot(p.x - other.x, p.y - other.y);
    zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, distance(now) / Math.max(1, distance(before)));
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"])
    frame.addEventListener(end, (event) => event instanceof PointerEvent && pointers.delete(event.pointerId));

  const center = (/** @type {number} */ scale) => {
    const { width, height } = frame.getBoundingClientRect();
    const tall = size.height * scale > height;
    view = { x: (width - size.width * scale) / 2, y: tall ? 0 : (height - size.height * scale) / 2, scale };
    apply();
  };

  return {
    /** Whether the pointer went further than a click does. */
    wasDragged: () => moved > 6,
    /** A new drawing: all of it where that can be read, or else its upper end at a size that can. */
    reset: (/** @type {{ width: number, height: number }} */ next) => {
      size = next;
      const { width, height } = frame.getBoundingClientRect();
      const fit = Math.min(width / size.width, height / size.height);
      center(Math.min(1.25, Math.max(fit, Math.min(0.8, width / size.width), 0.65)));
    },
    /** All of the drawing. */
    fit: () => {
      const { width, height } = frame.getBoundingClientRect();
      center(Math.max(leastScale, Math.min(1.5, width / size.width, height / size.height)));
    },
    zoom: (/** @type {number} */ factor) => {
      const { width, height } = frame.getBoundingClientRect();
      zoomAt(width / 2, height / 2, factor);
    },
    /** Moves as little as brings a box of the drawing into sight. */
    reveal: (/** @type {{ x: number, y: number, width: number, height: number }} */ box) => {
      const { width, height } = frame.getBoundingClientRect();
      const inset = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ room) =>
        from < 8 ? 8 - from : to > room - 8 ? Math.max(room - 8 - to, 8 - from) : 0;
      const left = view.x + box.x * view.scale;
      const top = view.y + box.y * view.scale;
      pan(inset(left, left + box.width * view.scale, width), inset(top, top + box.height * view.scale, height));
    },
  };
}
