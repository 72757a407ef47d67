import { type NormName, norm, normLayer } from "../layers/norm.ts";
import type { Arg } from "../schema.ts";
import type { Module } from "../scope.ts";

/** Norms with a form over the last axis and one over NCHW maps; the others work on maps alone and keep their own eps. */
const forms = {
  layernorm: ["layernorm", "layernorm2d"],
  layernorm2d: ["layernorm", "layernorm2d"],
  rmsnorm: ["rmsnorm", "rmsnorm2d"],
  rmsnorm2d: ["rmsnorm", "rmsnorm2d"],
  simplenorm: ["simplenorm", "simplenorm2d"],
  simplenorm2d: ["simplenorm", "simplenorm2d"],
} as const;

export const hasForms = (name: NormName): name is keyof typeof forms => Object.hasOwn(forms, name);

interface NormChoice {
  readonly norm_layer: NormName;
  readonly norm_eps: number | undefined;
}

export const lastAxisNorm = ({ norm_layer: name, norm_eps }: NormChoice): Module =>
  hasForms(name) ? norm(forms[name][0], norm_eps) : norm(name);

export const mapNorm = ({ norm_layer: name, norm_eps }: NormChoice): Module =>
  hasForms(name) ? norm(forms[name][1], norm_eps) : norm(name);

const anySpelling = normLayer("layernorm");

/** timm looks for norms with two forms by their exact names, and for the others whatever the case and underscores. */
export const convnextNorm: Arg<NormName> = {
  ...anySpelling,
  read: (v) => {
    const name = anySpelling.read(v);
    return name !== undefined && name !== v && hasForms(name) ? undefined : name;
  },
};
