/**
 * The block notation of MnasNet's and EfficientNet's reference code: `ir_r2_k3_s2_e6_c24_se0.25` is an inverted residual,
 * repeated twice, kernel 3, stride 2, expansion 6, 24 channels out, squeeze-excite of ratio 1/4. Fields come in any order.
 */
import { TimmcError } from "../../ir/error.ts";
import type { ActName } from "../layers/act.ts";
import type { Kernel } from "../layers/mixed-conv.ts";
import { roundHalfEven } from "../layers/rounding.ts";

interface Common {
  /** Channels out (c), before the network's multiplier and rounding. */
  readonly out: number;
  /** Stride (s) of the first repeat. */
  readonly stride: number;
  /** The block's own activation (n); the network's without it. */
  readonly act: ActName | undefined;
  /** Channels per group (gs) of the spatial convolution; 1 is depthwise, 0 dense. The type's own rule without it. */
  readonly groupSize: number | undefined;
}

/** cn: convolution, norm, activation, and a shortcut only where it asks for `skip`. */
export interface ConvSpec extends Common {
  readonly type: "cn";
  readonly kernel: number;
  readonly skip: boolean;
}

/** ds, and dsa with an activation after the pointwise convolution and no shortcut: depthwise-separable convolution. */
export interface SeparableSpec extends Common {
  readonly type: "ds";
  readonly kernel: Kernel;
  readonly projectKernel: Kernel;
  readonly pointwiseAct: boolean;
  readonly se: number;
  readonly noskip: boolean;
  /** Space to depth (d) from here on, until the next stride. */
  readonly s2d: boolean;
}

/** ir: pointwise expansion (a), depthwise (k), pointwise projection (p); with experts (cc), all three conditional. */
export interface InvertedSpec extends Common {
  readonly type: "ir";
  readonly kernel: Kernel;
  readonly expandKernel: Kernel;
  readonly projectKernel: Kernel;
  readonly expansion: number;
  readonly se: number;
  readonly noskip: boolean;
  readonly s2d: boolean;
  readonly experts: number;
}

/** er: a full convolution expands, a pointwise one projects (fused MBConv). */
export interface EdgeSpec extends Common {
  readonly type: "er";
  readonly kernel: Kernel;
  readonly projectKernel: Kernel;
  readonly expansion: number;
  /** The expansion is of this many channels (fc) instead of the input's; 0 for none. */
  readonly forceIn: number;
  readonly se: number;
  readonly noskip: boolean;
}

/** uir: depthwise convolutions before (a), inside (k) and after (p) an inverted residual; kernel 0 leaves one out. */
export interface UniversalSpec extends Common {
  readonly type: "uir";
  readonly startKernel: number;
  readonly kernel: number;
  readonly endKernel: number;
  readonly expansion: number;
  readonly se: number;
  readonly noskip: boolean;
}

/** mqa: multi-query attention of h heads, keys and values d wide and strided by v. */
export interface AttentionSpec extends Common {
  readonly type: "mqa";
  readonly kernel: number;
  readonly heads: number;
  readonly keyDim: number;
  readonly kvStride: number;
  readonly noskip: boolean;
}

export type BlockSpec = ConvSpec | SeparableSpec | InvertedSpec | EdgeSpec | UniversalSpec | AttentionSpec;

/** Activations as fields: n and two letters. */
const acts: Readonly<Record<string, ActName>> = {
  nre: "relu",
  nr6: "relu6",
  nhs: "hard_swish",
  nsw: "swish",
  nmi: "mish",
};

/** The fields of one string: numbers and kernels by their letters, and flags. Throws `config` for what is not there. */
class Fields {
  private readonly text: string;
  private readonly values: ReadonlyMap<string, string>;

  constructor(text: string) {
    this.text = text;
    const fields = text.split("_").slice(1);
    this.values = new Map(fields.map((f) => [/^\D*/.exec(f)?.[0] ?? "", f.replace(/^\D*/, "")]));
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  number(key: string, fallback?: number): number {
    const value = this.values.get(key) ?? fallback;
    const number = value === "" ? Number.NaN : Number(value);
    if (Number.isNaN(number)) throw new TimmcError("config", `the block ${this.text} needs a number ${key}`);
    return number;
  }

  /** One extent, or several between dots. */
  kernel(key: string, fallback?: number): Kernel {
    const value = this.values.get(key);
    return value?.includes(".") === true ? value.split(".").map(Number) : this.number(key, fallback);
  }

  act(): ActName | undefined {
    const field = this.text.split("_").find((f) => Object.hasOwn(acts, f));
    return field === undefined ? undefined : acts[field];
  }
}

/** A block and how often it stands in its stage. Throws `config` for what the notation does not have. */
export function decodeBlock(text: string): { readonly block: BlockSpec; readonly repeats: number } {
  const f = new Fields(text);
  return { block: blockOf(text, f), repeats: f.number("r") };
}

function blockOf(text: string, f: Fields): BlockSpec {
  const common: Common = {
    out: f.number("c"),
    stride: f.number("s"),
    act: f.act(),
    groupSize: f.has("gs") ? f.number("gs") : undefined,
  };
  const noskip = f.has("noskip");
  const type = text.split("_")[0];
  if (type === "cn") return { ...common, type, kernel: f.number("k"), skip: f.has("skip") };
  if (type === "mqa") {
    const attention = { heads: f.number("h"), keyDim: f.number("d"), kvStride: f.number("v", 1) };
    return { ...common, ...attention, type, kernel: f.number("k"), noskip };
  }
  const se = f.number("se", 0);
  if (type === "uir") {
    const kernels = { startKernel: f.number("a", 0), kernel: f.number("k"), endKernel: f.number("p", 0) };
    return { ...common, ...kernels, type, expansion: f.number("e"), se, noskip };
  }
  const kernels = { kernel: f.kernel("k"), projectKernel: f.kernel("p", 1) };
  const s2d = f.has("d");
  switch (type) {
    case "ds":
      return { ...common, ...kernels, type, pointwiseAct: false, se, noskip, s2d };
    case "dsa":
      return { ...common, ...kernels, type: "ds", pointwiseAct: true, se, noskip: true, s2d };
    case "ir": {
      const expand = { expandKernel: f.kernel("a", 1), expansion: f.number("e") };
      return { ...common, ...kernels, ...expand, type, se, noskip, s2d, experts: f.number("cc", 0) };
    }
    case "er":
      return { ...common, ...kernels, type, expansion: f.number("e"), forceIn: f.number("fc", 0), se, noskip };
    default:
      throw new TimmcError("config", `the block ${text} is of no known type`);
  }
}

interface StageScaling {
  /** For every stage, or one per stage. */
  readonly depthMultiplier?: number | readonly number[];
  readonly depthTrunc?: "ceil" | "round";
  readonly expertsMultiplier?: number;
  /** The first and the last stage keep their depth. */
  readonly fixFirstLast?: boolean;
  /** For blocks that do not say their own. */
  readonly groupSize?: number | undefined;
}

/** Stages of blocks from stages of strings. */
export function decodeStages(stages: readonly (readonly string[])[], scaling: StageScaling = {}): BlockSpec[][] {
  const { depthMultiplier = 1, depthTrunc = "ceil", fixFirstLast = false } = scaling;
  return stages.map((strings, i) => {
    const decoded = strings.map(decodeBlock);
    const fixed = fixFirstLast && (i === 0 || i === stages.length - 1);
    const multiplier = typeof depthMultiplier === "number" ? depthMultiplier : (depthMultiplier[i] ?? 1);
    const repeats = decoded.map((d) => d.repeats);
    const depths = scaleDepths(repeats, fixed ? 1 : multiplier, depthTrunc);
    return decoded.flatMap(({ block }, j) => Array.from({ length: depths[j] ?? 0 }, () => scaleBlock(block, scaling)));
  });
}

function scaleBlock(block: BlockSpec, { expertsMultiplier = 1, groupSize }: StageScaling): BlockSpec {
  const grouped = { ...block, groupSize: block.groupSize ?? groupSize };
  return grouped.type === "ir" ? { ...grouped, experts: grouped.experts * Math.max(expertsMultiplier, 1) } : grouped;
}

/**
 * Repeats of a stage's blocks whose total is scaled: shared out in proportion from the last to the first, so that the
 * first, which changes the shape, is repeated last.
 */
export function scaleDepths(repeats: readonly number[], multiplier: number, trunc: "ceil" | "round"): number[] {
  let left = repeats.reduce((sum, r) => sum + r, 0);
  let scaled = trunc === "ceil" ? Math.ceil(left * multiplier) : Math.max(1, roundHalfEven(left * multiplier));
  return repeats
    .toReversed()
    .map((r) => {
      const depth = Math.max(1, roundHalfEven((r / left) * scaled));
      left -= r;
      scaled -= depth;
      return depth;
    })
    .toReversed();
}
