import type { Step } from "./remap.ts";

/**
 * The norm before the classifier, for files of a pretraining that has none: what reads it would read numbers of no
 * training. timm loads its own `tag` of these files non-strictly, which leaves the norm as it is made.
 */
export const untrainedHeadNorm = (tag?: string): readonly Step[] => [
  asMade("head.norm.weight", tag, 1),
  asMade("head.norm.bias", tag, 0),
];

const asMade = (name: string, tag: string | undefined, value: number): Step => ({
  kind: "absent",
  name,
  reason: "the pretraining of this file has no norm in the head",
  ...(tag === undefined ? {} : { initial: { when: (target) => target.tag === tag, value } }),
});
