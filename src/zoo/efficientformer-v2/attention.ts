/** Attention on maps with biases by offset and convolutions beside it (Li et al. 2022, arXiv:2212.08059, fig. 2). */
import { isStatic, printDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { type ActName, act } from "../layers/act.ts";
import { type Pair, conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { offsetBias } from "../layers/offset-bias.ts";
import type { Module, Scope } from "../scope.ts";

interface UnitOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly depthwise?: boolean;
  readonly eps?: number;
}

/** A convolution with a bias, and batch norm. */
export const unit =
  (out: number, { eps, depthwise: each = false, ...conv }: UnitOptions = {}): Module =>
  (s, x) =>
    s.chain(x, {
      conv: each ? depthwise({ ...conv, bias: true }) : conv2d(out, { ...conv, bias: true }),
      bn: batchNorm(eps),
    });

const heads = 8;
const ratio = 4;

export interface AttentionOptions {
  readonly act: ActName;
  /** Of the map that comes in. */
  readonly size: Pair;
}

export const halved = ([h, w]: Pair): Pair => [Math.ceil(h / 2), Math.ceil(w / 2)];

/** [N, heads d, h, w] as [N, heads, d, h w]. */
const byHead = (s: Scope, x: Value, [h, w]: Pair): Value => {
  const [n = 1, c = 1] = x.type.shape;
  const width = s.static(c, "the width of attention");
  return s.reshape(x, { shape: [n, heads, width / heads, h * w] });
};

const swapped = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 1, 3, 2] });

function needSize(x: Value, size: Pair): void {
  x.type.shape.slice(2).forEach((extent, i) => {
    if (isStatic(extent) && extent === size[i]) return;
    throw new TimmcError("unsupported", `the map is ${printDim(extent)} high or wide, attention is for ${size[i]}`);
  });
}

/** Biased scores of queries for keys, scaled; both [N, heads, d, positions]. */
function scoresOf(s: Scope, q: Value, k: Value, bias: Value, width: number): Value {
  return s.add(s.mul(s.matmul(swapped(s, q), k), s.scalar(width ** -0.5)), bias);
}

const mixValues = (s: Scope, weights: Value, v: Value, [h, w]: Pair): Value => {
  const [n = 1] = v.type.shape;
  const mixed = swapped(s, s.matmul(weights, swapped(s, v)));
  const width = s.static(v.type.shape[2] ?? 1, "the width of attention");
  return s.reshape(mixed, { shape: [n, heads * width, h, w] });
};

const keyWidth = 32;

/**
 * Heads talk to each other before and after the softmax (arXiv:2003.02436), and values pass a depthwise convolution
 * beside it. With `strided` it happens on a map of half the size.
 */
export const talkingAttention =
  ({ act: name, size }: AttentionOptions, strided: boolean): Module =>
  (s, x) => {
    needSize(x, size);
    const out = s.channels(x);
    const inner = strided ? halved(size) : size;
    const down = s.chain(x, {
      stride_conv: strided ? unit(out, { kernel: 3, stride: 2, depthwise: true }) : undefined,
    });
    const q = byHead(s, s.call("q", unit(heads * keyWidth), down), inner);
    const k = byHead(s, s.call("k", unit(heads * keyWidth), down), inner);
    const values = s.call("v", unit(heads * ratio * keyWidth), down);
    const local = s.call("v_local", unit(0, { kernel: 3, depthwise: true }), values);
    const bias = offsetBias(s, s.param("attention_biases", [heads, inner[0] * inner[1]]), inner);
    const talked = s.call("talking_head1", conv2d(heads, { bias: true }), scoresOf(s, q, k, bias, keyWidth));
    const weights = s.call("talking_head2", conv2d(heads, { bias: true }), s.softmax(talked, { axis: -1 }));
    const mixed = s.add(mixValues(s, weights, byHead(s, values, inner), inner), local);
    const upsample: Module = (t, y) =>
      t.resize(y, { axes: [2, 3], size: [2 * inner[0], 2 * inner[1]], mode: "linear" });
    return s.chain(mixed, { upsample: strided ? upsample : undefined, act: act(name), proj: unit(out) });
  };

const downKeyWidth = 16;

/** Queries from every other position and a strided convolution. */
const localGlobalQuery =
  (out: number): Module =>
  (s, x) => {
    const local = s.call("local", depthwise({ kernel: 3, stride: 2, bias: true }), x);
    const rows = s.slice(x, { axis: 2, range: [0, x.type.shape[2] ?? 0], step: 2 });
    const pooled = s.slice(rows, { axis: 3, range: [0, x.type.shape[3] ?? 0], step: 2 });
    return s.call("proj", unit(out), s.add(local, pooled));
  };

/** Attention that halves the map. */
export const downsamplingAttention =
  ({ act: name, size }: AttentionOptions, out: number): Module =>
  (s, x) => {
    needSize(x, size);
    const after = halved(size);
    const q = byHead(s, s.call("q", localGlobalQuery(heads * downKeyWidth), x), after);
    const k = byHead(s, s.call("k", unit(heads * downKeyWidth), x), size);
    const values = s.call("v", unit(heads * ratio * downKeyWidth), x);
    const local = s.call("v_local", unit(0, { kernel: 3, stride: 2, depthwise: true }), values);
    const bias = offsetBias(s, s.param("attention_biases", [heads, size[0] * size[1]]), size, 2);
    const weights = s.softmax(scoresOf(s, q, k, bias, downKeyWidth), { axis: -1 });
    const mixed = s.add(mixValues(s, weights, byHead(s, values, size), after), local);
    return s.chain(mixed, { act: act(name), proj: unit(out) });
  };
