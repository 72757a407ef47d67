/** The second token and head of Touvron et al. 2020, section 3: trained on a teacher's labels, averaged with the first. */
import type { Value } from "../../ir/value.ts";
import type { Model } from "../family.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import { tokenAt } from "../layers/tokens.ts";
import type { Scope } from "../scope.ts";
import { type VitConfig, normsPooled } from "../vision-transformer/config.ts";
import type { Prefix } from "../layers/token-embedding.ts";
import { convPatches, encode } from "../vision-transformer/encoder.ts";

export const distilledPrefix: Prefix = [
  ["cls_token", 1],
  ["dist_token", 1],
];

/** What timm's VisionTransformerDistilled fails on beyond its base class: the reason, or undefined. */
export function refuseDistilled(c: VitConfig): string | undefined {
  if (c.global_pool !== "token") return 'a distilled model has only global_pool="token"';
  if (c.no_embed_class) return "a distilled model has position embeddings on its tokens: no_embed_class=true fails";
  return undefined;
}

export function buildDistilled(s: Scope, image: Value, c: VitConfig): Model {
  if (c.pos_embed !== "learn") s.notice("pos_embed has no effect: a distilled model always learns them");
  const { tokens, stages } = encode(s, image, { ...c, pos_embed: "learn" }, distilledPrefix, convPatches(c, image));
  const token = tokenAt(s, tokens, 0);
  const distilled = tokenAt(s, tokens, 1);
  const mean = (a: Value, b: Value): Value => s.mul(s.add(a, b), s.scalar(0.5));
  const classify = (name: string, x: Value): Value => s.chain(x, { [name]: fullyConnected(c.num_classes) });
  declareUnused(s, c, token);
  return {
    forwardFeatures: [tokens],
    preLogits: [mean(token, distilled)],
    logits: [mean(classify("head", token), classify("head_dist", distilled))],
    stages,
    format: "NLC",
  };
}

/** Parameters of the base class that this forward pass leaves out; what is made of them here has no user. */
function declareUnused(s: Scope, c: VitConfig, token: Value): void {
  if (c.reg_tokens > 0) {
    s.param("reg_token", [1, c.reg_tokens, c.embed_dim]);
    s.notice("reg_tokens has no effect: a distilled model has its own second token");
  }
  if (c.final_norm && normsPooled(c)) {
    tokenNorm(c.norm_layer)(s.at("fc_norm"), token);
    s.notice("fc_norm=true leaves a distilled model without a final norm, as in timm");
  }
}
