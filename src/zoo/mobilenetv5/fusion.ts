/** The adapter that joins the last feature maps into one of a fixed size. */
import { type Dim, floorDivDim, isStatic, printDim, sameDim, sameShape, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Style } from "../efficientnet/blocks.ts";
import { universalBlock } from "../efficientnet/universal-blocks.ts";
import type { Pair } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import type { Scope } from "../scope.ts";

/** The maps at the size of the first, one after the other; an inverted bottleneck; the size wanted; a norm. */
export function fuse(s: Scope, maps: readonly Value[], out: number, size: Pair, style: Style): Value {
  const [first] = maps;
  const space = first?.type.shape.slice(2) ?? [];
  const joined = s.concat(
    maps.map((map) => enlarged(s, map, space)),
    { axis: 1 },
  );
  const block = universalBlock(
    { ...style, padding: undefined, aa: undefined, layerScale: false },
    {
      type: "uir",
      in: s.channels(joined),
      out,
      stride: 1,
      dilation: 1,
      seRatio: 0,
      entersS2d: false,
      startKernel: 0,
      kernel: 0,
      endKernel: 0,
      expansion: 2,
      se: 0,
      noskip: true,
      act: undefined,
      groupSize: undefined,
    },
  );
  const mixed = s.call("ffn", (t, y) => block(t, y).out, joined);
  return s.call("norm", normAct(style.norm, undefined), resized(s, mixed, size));
}

/** By the nearest neighbour, where the map is smaller. */
function enlarged(s: Scope, map: Value, space: readonly Dim[]): Value {
  const own = map.type.shape.slice(2);
  const smaller = own.some((extent, i) => {
    const wanted = space[i] ?? extent;
    return isStatic(extent) && isStatic(wanted) ? extent < wanted : !sameDim(extent, wanted);
  });
  return smaller ? s.resize(map, { axes: [2, 3], size: [...space], mode: "nearest" }) : map;
}

/** Averages of whole cells where the size divides a symbolic one. timm resizes other maps otherwise, so all must be alike. */
function averaged(s: Scope, x: Value, size: Pair): Value {
  const [n = 1, c = 1, ...space] = x.type.shape;
  const [down = 1, right = 1] = space.map((extent, i) => floorDivDim(extent, size[i] ?? 1));
  if (!sameShape([scaleDim(down, size[0]), scaleDim(right, size[1])], space))
    throw new TimmcError(
      "unsupported",
      `maps of ${space.map(printDim).join("x")} are averaged to ${size.join("x")} where that divides them, else interpolated`,
    );
  const cells = s.reshape(x, { shape: [n, c, size[0], down, size[1], right] });
  return s.reduce_mean(cells, { axes: [3, 5] });
}

/** By averages of whole cells where the size divides the map's, else bilinear. */
function resized(s: Scope, x: Value, size: Pair): Value {
  const [, , h = 1, w = 1] = x.type.shape;
  if (!isStatic(h) || !isStatic(w)) return averaged(s, x, size);
  if (h === size[0] && w === size[1]) return x;
  if (h % size[0] !== 0 || w % size[1] !== 0) return s.resize(x, { axes: [2, 3], size: [...size], mode: "linear" });
  const kernel = [h / size[0], w / size[1]];
  return s.avg_pool(x, { kernel, stride: kernel, padding: [0, 0, 0, 0] });
}
