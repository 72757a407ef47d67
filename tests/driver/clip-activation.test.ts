import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { doctor } from "../../src/driver/doctor.ts";
import { parametersOf } from "../frontend/weights/diagnose/foreign.ts";
import { clipName } from "../frontend/weights/remap/network.ts";
import { encodeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const small = { depth: 2, embed_dim: 48, num_heads: 3, num_classes: 0 };

const openai = (name: string): string => `visual.${clipName(name)}`;

/** An image tower of CLIP in f16 zeros. */
async function towerFile(label: string, nameOf: (name: string) => string): Promise<string> {
  const parameters = await parametersOf("vit_base_patch32_clip_224", small);
  const stored = parameters.map(({ name, shape }) => {
    const cut = nameOf(name) === name ? 0 : name === "cls_token" ? 2 : name === "pos_embed" ? 1 : 0;
    const bytes = new Uint8Array(2 * shape.reduce((n, d) => n * d, 1));
    return { name: nameOf(name), shape: shape.slice(cut), dtype: "f16" as const, bytes };
  });
  writeFileSync(at(label), encodeSafetensors(stored));
  return at(label);
}

test.each([
  ["vit_base_patch32_clip_224", {}, /the activation.*OpenAI.*ask for vit_base_patch32_clip_quickgelu_224$/],
  ["vit_base_patch32_clip_256", { img_size: 224 }, /OpenAI.*add --arg act_layer=quick_gelu$/],
  ["vit_base_patch32_clip_quickgelu_224", {}, undefined],
  ["vit_base_patch32_clip_256", { img_size: 224, act_layer: "quick_gelu" }, undefined],
])("a file of CLIP for %s with %j", async (model, more, notice) => {
  const file = await towerFile("clip.safetensors", openai);
  const request = { model, args: { ...small, ...more }, weights: { file }, taps: ["pre_logits"] };
  const report = await doctor(request);
  expect(report).toMatchObject({ verdict: "loads", layout: { name: "CLIP" } });
  const compiled = await compile({ ...request, out: at(JSON.stringify([model, more])) });
  for (const notices of [report.notices, compiled.notices]) {
    const found = notices.filter((text) => text.includes("activation"));
    expect(found).toEqual(notice === undefined ? [] : [expect.stringMatching(notice)]);
    expect(found.every((text) => text.startsWith("clip.safetensors: "))).toBe(true);
  }
});

test("a file of timm's names is of its model's activation", async () => {
  const file = await towerFile("timm.safetensors", (name) => name);
  const { layout, notices } = await doctor({ model: "vit_base_patch32_clip_224", args: small, weights: { file } });
  expect({ layout, notices }).toEqual({ layout: null, notices: [] });
});
