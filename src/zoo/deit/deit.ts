/** DeiT: Touvron et al. 2020 (arXiv:2012.12877), and DeiT III: Touvron et al. 2022 (2204.07118). */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { type ConfigOf, bool, internal } from "../schema.ts";
import { args, refuse } from "../vision-transformer/config.ts";
import { buildVisionTransformer } from "../vision-transformer/model.ts";
import { buildDistilled, refuseDistilled } from "./distilled.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const familyArgs = {
  ...args,
  distilled: bool(false, "a second token and head; the distilled architectures have them anyway"),
  kind: internal<"distilled" | undefined>(undefined),
};

const isDistilled = (c: Pick<ConfigOf<typeof familyArgs>, "kind" | "distilled">): boolean =>
  c.kind === "distilled" || c.distilled;

export default defineFamily<typeof familyArgs>({
  name: "deit",
  paper: "https://arxiv.org/abs/2012.12877",
  args: familyArgs,
  variants,
  lastStages: 3,
  refuse: (c, given) => {
    if (c.kind === "distilled" && given.has("distilled")) return "this architecture sets distilled itself";
    return refuse(c) ?? (isDistilled(c) ? refuseDistilled(c) : undefined);
  },
  groups: (_, c) => [
    stemGroup(
      isDistilled(c) ? /cls_token|pos_embed|patch_embed|dist_token/ : /cls_token|reg_token|pos_embed|patch_embed/,
    ),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  build: (s, image, c) => (isDistilled(c) ? buildDistilled(s, image, c) : buildVisionTransformer(s, image, c)),
  remap: (c) => remap(c, isDistilled(c)),
});
