import type { ActivationKind } from "../../ir/ops/activation.ts";
import type { Arg } from "../schema.ts";
import { oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";

/** timm's names of activation layers (layers/create_act.py) and the op's kind with torch's default alpha. */
const kinds = {
  relu: ["relu"],
  relu6: ["relu6"],
  leaky_relu: ["leaky_relu", 0.01],
  elu: ["elu", 1],
  celu: ["celu", 1],
  selu: ["selu"],
  gelu: ["gelu"],
  gelu_tanh: ["gelu_tanh"],
  quick_gelu: ["quick_gelu"],
  silu: ["silu"],
  swish: ["silu"],
  mish: ["mish"],
  sigmoid: ["sigmoid"],
  tanh: ["tanh"],
  hard_sigmoid: ["hard_sigmoid"],
  hardsigmoid: ["hard_sigmoid"],
  hard_swish: ["hard_swish"],
  hardswish: ["hard_swish"],
  hard_mish: ["hard_mish"],
} as const satisfies Record<string, readonly [kind: ActivationKind, alpha?: number]>;

export type ActName = keyof typeof kinds | "prelu" | "identity";
export const actNames: readonly ActName[] = [...(Object.keys(kinds) as (keyof typeof kinds)[]), "prelu", "identity"];

export const actLayer = (fallback: ActName): Arg<ActName> => oneOf(actNames, fallback, "the activation");

/** max(x, 0) + weight min(x, 0), with one learned slope (timm's PReLU). */
const prelu: Module = (s, x) => {
  const zero = s.scalar(0);
  return s.add(s.maximum(x, zero), s.mul(s.param("weight", [1]), s.minimum(x, zero)));
};

/** An activation by its name, or one that no name stands for, such as another slope. */
export type Act = ActName | Module;

export function act(name: Act): Module {
  if (typeof name === "function") return name;
  if (name === "prelu") return prelu;
  if (name === "identity") return (_, x) => x;
  const [kind, alpha] = kinds[name] as readonly [ActivationKind, number?];
  return (s, x) => s.activation(x, { kind, alpha });
}
