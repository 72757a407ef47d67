/**
 * The mean over all positions is an average pool whose window is the whole image:
 *
 *     mean(x, [2, 3]) = avg_pool(x, kernel [H, W])      reshaped to [N, C] without keep
 *
 * the same sum. ONNX Runtime pools in the blocked layout of the convolution before it, while a mean first goes back to
 * [N, C, H, W]. Preconditions: static H and W of at least 1, and channels that already stand in front: behind a transpose
 * nothing is blocked.
 */
import { isStatic } from "../../ir/dim.ts";
import { any, op } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const meanAsPool = defineRule({
  name: "mean-as-pool",
  pattern: op.reduce_mean(any("x")),
  where: ({ root, x }) => {
    const { axes } = root.attrs;
    const [rank, extents] = [x.type.shape.length, x.type.shape.slice(2)];
    if (rank !== 4 || axes.length !== 2 || axes.some((axis) => axis < 2))
      return `axes [${axes.join(",")}] of rank ${rank}: a pool averages axes 2 and 3 of rank 4`;
    if (!extents.every(isStatic)) return "the window is known only when the model runs";
    if (extents.includes(0)) return "the image has no pixels";
    return x.op !== "transpose" || "x is a transpose: no blocked layout would be kept";
  },
  rewrite: ({ root, x }, b) => {
    const kernel = x.type.shape.slice(2).filter(isStatic);
    const pooled = b.avg_pool(x, { kernel, stride: kernel, padding: [0, 0, 0, 0] });
    return root.attrs.keep ? pooled : b.reshape(pooled, { shape: root.type.shape });
  },
});
