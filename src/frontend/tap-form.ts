import { builderAt } from "../ir/builder.ts";
import { mulDim } from "../ir/dim.ts";
import { TimmcError } from "../ir/error.ts";
import { printType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";
import type { Format, Stage } from "../zoo/family.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import type { TapFormat } from "./tap-names.ts";

/** How features and logits are given. */
export interface TapForm {
  readonly format: TapFormat;
  /** Features after the network's final norm, where it is one of the stage (forward_intermediates' norm). */
  readonly norm: boolean;
  /** Logits as probabilities. */
  readonly softmax: boolean;
}

export const nativeForm: TapForm = { format: "native", norm: false, softmax: false };

/** A stage's value, [N, C, H, W] or [N, H, W, C], with its axes as asked. */
export function inFormat(
  { graph }: LoweredModel,
  value: Value,
  { module, format }: Stage,
  { format: wanted }: TapForm,
): { readonly value: Value; readonly format: Format } {
  if (wanted === "native" || wanted.toUpperCase() === format) return { value, format };
  const b = builderAt({ graph, origin: { path: module, rules: [] } });
  const [n = 1, ...axes] = value.type.shape;
  switch (`${format} ${wanted}`) {
    case "NHWC nchw":
      return { value: b.transpose(value, { perm: [0, 3, 1, 2] }), format: "NCHW" };
    case "NHWC nlc": {
      const [h = 1, w = 1, c = 1] = axes;
      return { value: b.reshape(value, { shape: [n, mulDim(h, w), c] }), format: "NLC" };
    }
    case "NCHW nlc": {
      const [c = 1, h = 1, w = 1] = axes;
      const rows = b.reshape(value, { shape: [n, c, mulDim(h, w)] });
      return { value: b.transpose(rows, { perm: [0, 2, 1] }), format: "NLC" };
    }
    default:
      throw new TimmcError("unsupported", `${module}: features in ${format} cannot be given as ${wanted}`);
  }
}

/** exp normalised over the classes. Throws `usage` where the logits are no rows of classes. */
export function probabilities({ graph }: LoweredModel, logits: Value): Value {
  if (logits.type.shape.length !== 2)
    throw new TimmcError("usage", `softmax needs logits of one row per image, not ${printType(logits.type)}`);
  return builderAt({ graph, origin: { path: logits.origin.path, rules: [] } }).softmax(logits, { axis: -1 });
}
