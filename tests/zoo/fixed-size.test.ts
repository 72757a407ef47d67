import { describe, expect, it } from "vitest";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { refusal } from "../driver/workspace.ts";

/** What holds each of these to the size that it is built for, in timm's code. */
const reasons: Readonly<Record<string, string>> = {
  botnet26t_256: "where attention is made for 16x16",
  cait_xxs24_224: "pos_embed is added as it is",
  coat_tiny: "take the maps of img_size alone",
  coatnet_nano_rw_224: "rel_pos of the positions of img_size",
  convit_tiny: "pos_embed is added as it is",
  efficientformer_l1: "attention_biases are picked",
  efficientformerv2_s0: "attention_biases are picked",
  efficientvit_m0: "attention takes the maps of img_size alone",
  gcvit_xxtiny: "global queries are the map of img_size",
  hiera_tiny_224: "mask units of img_size",
  lambda_resnet26rpt_256: "made for one size of the map",
  levit_128s: "attention_biases are picked",
  mixer_s32_224: "as wide as img_size has patches",
  naflexvit_base_patch16_par_gap: "to the longer side",
  nest_tiny: "pos_embed of every level is added as it is",
  pit_ti_224: "pos_embed is added as it is",
  tnt_s_patch16_224: "patch_pos is added as it is",
  visformer_tiny: "pos_embed1 to pos_embed3 are added as they are",
  vit_relpos_small_patch16_224: "rel_pos has the relative positions",
  volo_d1_224: "pos_embed is added as it is",
};

describe("networks of one size have no open one, and the refusal names what holds them", () => {
  it.each(Object.entries(reasons))("%s", async (model, reason) => {
    const text = await refusal(lowerRequest({ model, dynamicSize: true }));
    expect(text).toContain("unsupported: ");
    expect(text).toContain("the network does not take every size");
    expect(text).toContain(reason);
    expect(text).toContain("--sizes");
  });

  it("the same networks take their own size", async () => {
    const { lowered } = await lowerRequest({ model: "volo_d1_224" });
    expect(lowered.model.logits).toHaveLength(1);
  });
});

it("mvitv2 says how far its positions go", async () => {
  const { lowered } = await lowerRequest({ model: "mvitv2_tiny", dynamicSize: true });
  expect(lowered.notices.join("\n")).toContain("sizes go up to 224x224");
});
