import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Arg } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { type Act, act } from "./act.ts";
import { evoNormB, evoNormS0, evoNormS1, filterResponseNorm } from "./evo-norm.ts";
import { batchNorm, channelsLast, groupNorm, layerNorm, rmsNorm } from "./norm.ts";

/** A normalisation with its activation inside (timm's norm_act layers): parameters sit on the layer, `act` below it. */
export interface NormAct {
  readonly kind: NormActName;
  /** timm's class default without it. */
  readonly eps?: number | undefined;
  /** Channels of a group; 32 groups without it. */
  readonly group_size?: number | undefined;
}

interface Options extends NormAct {
  /** No activation follows: timm's apply_act=False. */
  readonly act: Act | undefined;
}

type Make = (s: Scope, x: Value, o: Options) => Value;

/** A plain norm, then the activation. timm's layer norms have torch's eps here, not that of its LayerNorm class. */
const thenAct =
  (eps: number, norm: (eps: number, groups: () => number) => Module): Make =>
  (s, x, o) => {
    const y = norm(o.eps ?? eps, () => groupsOf(s, x, o))(s, x);
    return o.act === undefined ? y : s.call("act", act(o.act), y);
  };

const evoS =
  (eps: number, make: (g: { groups: number; eps: number }, active: boolean) => Module): Make =>
  (s, x, o) =>
    make({ groups: groupsOf(s, x, o), eps: o.eps ?? eps }, o.act !== undefined)(s, x);

const evoB =
  (kind: "b0" | "b1" | "b2", eps: number): Make =>
  (s, x, o) =>
    evoNormB(kind, o.eps ?? eps, o.act !== undefined)(s, x);

const batch = thenAct(1e-5, (eps) => batchNorm(eps));
const layer2d = thenAct(1e-5, (eps) => channelsLast(layerNorm(eps)));
const rms2d = thenAct(1e-6, (eps) => channelsLast(rmsNorm(eps)));

/** timm's names (layers/create_norm_act.py), underscores and case ignored, of what works on NCHW maps. */
const kinds = {
  batchnorm: batch,
  batchnorm2d: batch,
  groupnorm: thenAct(1e-5, (eps, groups) => groupNorm(groups(), eps)),
  groupnorm1: thenAct(1e-5, (eps) => groupNorm(1, eps)),
  layernorm2d: layer2d,
  layernorm2dfp32: layer2d,
  rmsnorm2d: rms2d,
  rmsnorm2dfp32: rms2d,
  evonormb0: evoB("b0", 1e-3),
  evonormb1: evoB("b1", 1e-5),
  evonormb2: evoB("b2", 1e-5),
  evonorms0: evoS(1e-5, (g, active) => evoNormS0(g, active, false)),
  evonorms0a: evoS(1e-3, (g, active) => evoNormS0(g, active, true)),
  evonorms1: evoS(1e-5, (g, active) => evoNormS1(g, active, false, true)),
  evonorms1a: evoS(1e-3, (g, active) => evoNormS1(g, active, true, true)),
  evonorms2: evoS(1e-5, (g, active) => evoNormS1(g, active, false, false)),
  evonorms2a: evoS(1e-3, (g, active) => evoNormS1(g, active, true, false)),
  frn: (s, x, o) => filterResponseNorm(o.eps ?? 1e-5, o.act)(s, x),
  frntlu: (s, x, o) => filterResponseNorm(o.eps ?? 1e-5, o.act === undefined ? undefined : "tau")(s, x),
} as const satisfies Record<string, Make>;

type NormActName = keyof typeof kinds;
export const normActNames = Object.keys(kinds) as readonly NormActName[];

/** The norm with `name` after it, or alone: timm's get_norm_act_layer and apply_act. */
export const normAct =
  (norm: NormAct, name: Act | undefined): Module =>
  (s, x) =>
    kinds[norm.kind](s, x, { ...norm, act: name });

function groupsOf(s: Scope, x: Value, { group_size: size, kind }: NormAct): number {
  const channels = s.channels(x);
  const groups = size === undefined ? 32 : channels / size;
  if (Number.isInteger(groups) && channels % groups === 0) return groups;
  throw new TimmcError("unsupported", `${kind}: ${channels} channels do not divide into groups of ${size ?? "a 32nd"}`);
}

/** The argument `norm_layer` of networks built from norm_act layers. */
export const normActLayer: Arg<NormAct | undefined> = {
  type: normActNames.map((n) => JSON.stringify(n)).join(" | "),
  default: undefined,
  doc: "the normalisation, with the activation inside",
  inert: false,
  read: (v) => {
    if (typeof v !== "string") return undefined;
    const name = v.replaceAll("_", "").toLowerCase().split("-")[0];
    const kind = normActNames.find((n) => n === name);
    return kind === undefined ? undefined : { kind };
  },
};

/** The same argument where there is a default. */
export const normActLayerOr = (fallback: NormAct): Arg<NormAct> => ({
  ...normActLayer,
  default: fallback,
  read: (v) => normActLayer.read(v),
});
