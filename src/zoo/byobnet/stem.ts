/** The stems of byobnet: one convolution, or several with a pool, or a block of parallel branches. */
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Stage } from "../family.ts";
import { conv2d } from "../layers/conv.ts";
import { avgPool, maxPool } from "../layers/pool.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import type { Module, Scope } from "../scope.ts";
import type { BlockMaker, Layers, StemPool, StemType } from "./design.ts";
import { repBlocks } from "./rep-blocks.ts";

interface StemOptions {
  readonly type: StemType;
  readonly pool: StemPool;
  readonly width: number | readonly number[];
  readonly layers: Layers;
}

interface Convs {
  readonly widths: readonly number[];
  readonly kernel?: number;
  /** How many of the last convolutions have norm and activation. */
  readonly active?: number;
}

const pools: Readonly<Record<Exclude<StemPool, "">, Module>> = (() => {
  const max = maxPool(3, { stride: 2, padding: 1 });
  const avg = avgPool(3, { stride: 2, padding: 1, countPad: false });
  return { max, maxpool: max, avg, avgpool: avg, max2: maxPool(2), avg2: avgPool(2) };
})();

/** n widths that shrink by `decay` towards the input. */
const decaying = (width: number, n: number, decay: number): number[] =>
  Array.from({ length: n }, (_, i) => roundHalfEven(width * decay ** (n - 1 - i)));

/** A list of convolutions, or the one module that the stem is. */
function plan({ type, pool, width, layers }: StemOptions): Convs | Module {
  if (typeof width !== "number") {
    if (type === "" || type === "3x3") return { widths: width };
    if (type === "7x7" && pool !== "") return { widths: width, kernel: 7 };
    if (type === "quad" || type === "quad2" || type === "deep") return { widths: width };
    throw new TimmcError("unsupported", `stem_type=${type} takes one number as stem_chs`);
  }
  switch (type) {
    case "quad":
      return { widths: decaying(width, 4, 0.5) };
    case "quad2":
      return { widths: decaying(width, 4, 0.5), active: 2 };
    case "tiered":
      return { widths: [Math.floor((3 * width) / 8), Math.floor(width / 2), width] };
    case "deep":
      return { widths: decaying(width, 3, 1) };
    case "rep":
    case "one":
      return (s, x) => branched(repBlocks[type], width, layers)(s, x);
    case "7x7":
      return pool === "" ? layers.conv(width, { kernel: 7, stride: 2 }) : { widths: [width], kernel: 7 };
    case "":
    case "3x3":
      return pool === "" ? layers.conv(width, { kernel: 3, stride: 2 }) : { widths: [width] };
    default:
      return type satisfies never;
  }
}

const branched =
  (block: BlockMaker, out: number, layers: Layers): Module =>
  (s, x) =>
    block({
      in: s.channels(x),
      out,
      stride: 2,
      dilation: [1, 1],
      groupSize: 0,
      ratio: 1,
      downsample: "",
      layers,
      size: undefined,
    })(s, x);

/** The module `stem`, and the features that it can give: the last of them is what leaves it. */
export function stem(s: Scope, image: Value, o: StemOptions): { readonly x: Value; readonly features: Stage[] } {
  const planned = plan(o);
  const features: Stage[] = [];
  const give = (module: string, value: Value, reduction: number): Value => {
    features.push({ module, value, reduction, format: "NCHW" });
    return value;
  };
  if (typeof planned === "function") return { x: give("stem", s.call("stem", planned, image), 2), features };

  const { widths, kernel = 3, active = widths.length } = planned;
  const last = widths.length - 1;
  if (o.pool === "" && last === 0)
    throw new TimmcError("unsupported", "a stem of one convolution in a list needs a stem_pool");
  const convs: Module = (t, y) => {
    let x = y;
    let reduction = 1;
    widths.forEach((width, i) => {
      const stride = i === 0 || (i === last && o.pool === "") ? 2 : 1;
      if (i > 0 && stride > 1) give(`stem.conv${i}`, x, reduction);
      const whole = i >= widths.length - active;
      const conv = whole ? o.layers.conv(width, { kernel, stride }) : conv2d(width, { kernel, stride });
      x = t.call(`conv${i + 1}`, conv, x);
      reduction *= stride;
    });
    if (o.pool === "") return give(`stem.conv${widths.length}`, x, reduction);
    give(`stem.conv${widths.length}`, x, reduction);
    return give("stem.pool", t.call("pool", pools[o.pool], x), 2 * reduction);
  };
  return { x: s.call("stem", convs, image), features };
}
