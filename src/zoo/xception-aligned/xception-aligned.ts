/** Aligned Xception: Chen et al. 2018 (DeepLab v3+, arXiv:1802.02611), strided convolutions instead of max pools. */
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { conv2d } from "../layers/conv.ts";
import type { Module } from "../scope.ts";
import { normOf, preXceptionModule, xceptionModule } from "./blocks.ts";
import { args } from "./config.ts";
import { variants } from "./variants.ts";

export default defineFamily({
  name: "xception_aligned",
  paper: "https://arxiv.org/abs/1802.02611",
  args,
  variants,
  refuse: (c) => {
    if (c.preact && c.placed) return "preact=true: the last block of this architecture has its activations elsewhere";
    if (!c.preact && !c.placed) return "preact=false: the last block of this architecture is pre-activated";
    return refuseUnpooled(c);
  },
  groups: () => [stemGroup(/stem/), blockGroup(/blocks\.(\d+)/)],
  build: (s, input, c) => {
    const style = { norm: normOf(c), act: c.act_layer };
    const second = c.preact ? conv2d(64, { kernel: 3 }) : convNormAct(64, { ...style, kernel: 3 });
    const first = convNormAct(32, { ...style, kernel: 3, stride: 2 });
    const stem = s.call("stem", (t, y) => t.sequence(y, [first, second]), input);
    const stages: Stage[] = [];
    let reduction = 2;
    let dilation = 1;
    const modules = c.block_cfg.map((block, i): Module => {
      const at = { dilation, reduction };
      const inside = reduction * block.stride <= c.output_stride;
      if (inside) reduction *= block.stride;
      else dilation *= block.stride;
      const place = { ...block, dilation: at.dilation, stride: inside ? block.stride : (1 as const) };
      const module = `blocks.${i}.stack.${c.preact ? "conv2" : "act3"}`;
      const note: (value: Stage["value"]) => void = (value) => {
        if (block.stride > 1) stages.push({ module, value, reduction: at.reduction, format: "NCHW" });
      };
      return (c.preact ? preXceptionModule : xceptionModule)(c, { ...place, note });
    });
    const blocks = s.call("blocks", (t, y) => t.sequence(y, modules), stem);
    stages.push({ module: `blocks.${modules.length - 1}`, value: blocks, reduction, format: "NCHW" });
    const x = s.chain(blocks, { act: c.preact ? act(c.act_layer) : undefined });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
