import type { Step } from "./remap.ts";

/**
 * The norm before the classifier, for files of a pretraining that has none. timm loads its own `tag` of these
 * non-strictly, which leaves the norm as it is made; what reads the norm of any other such file would read numbers of no
 * training.
 */
export const untrainedHeadNorm = (tag: string): readonly Step[] => [
  asMade("head.norm.weight", tag, 1),
  asMade("head.norm.bias", tag, 0),
];

const asMade = (name: string, tag: string, value: number): Step => ({
  kind: "absent",
  name,
  reason: "the pretraining of this file has no norm in the head",
  initial: { when: (target) => target.tag === tag, value },
});
