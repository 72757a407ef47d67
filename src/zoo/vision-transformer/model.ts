import type { Value } from "../../ir/value.ts";
import type { Model } from "../family.ts";
import type { Scope } from "../scope.ts";
import type { VitConfig } from "./config.ts";
import { prefixLength } from "../layers/token-embedding.ts";
import { type Patches, convPatches, encode, prefixOf } from "./encoder.ts";
import { classify } from "./head.ts";

/** A whole VisionTransformer; families that embed their patches otherwise pass how. */
export function buildVisionTransformer(
  s: Scope,
  image: Value,
  c: VitConfig,
  patches: Patches = convPatches(c, image),
): Model {
  const prefix = prefixOf(c);
  const { tokens, stages } = encode(s, image, c, prefix, patches);
  const { preLogits, logits } = classify(s, tokens, c, prefixLength(prefix));
  return { forwardFeatures: [tokens], preLogits: [preLogits], logits: [logits], stages, format: "NLC" };
}
