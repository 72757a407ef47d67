import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { collapseRows, collapsed } from "../../src/cli/collapse.ts";
import type { Diagnosis } from "../../src/driver/doctor-report.ts";
import { shapesModel, temporaryFolder } from "../driver/workspace.ts";
import { parametersOf, publishedVit, transformersVit } from "../frontend/weights/diagnose/foreign.ts";
import { encodeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { cli, cliJson } from "./run-cli.ts";

const at = temporaryFolder();
const small = ["--arg", "depth=3", "--arg", "embed_dim=48", "--arg", "num_heads=3"];
const vit = ["doctor", "vit_tiny_patch16_224", ...small, "--weights"];

beforeAll(async () => {
  const parameters = await parametersOf("vit_tiny_patch16_224", { depth: 3, embed_dim: 48, num_heads: 3 });
  const write = (file: string, entries: readonly { readonly name: string; readonly shape: readonly number[] }[]) => {
    const stored = entries.map(({ name, shape }) => {
      return { name, shape, dtype: "f16" as const, bytes: new Uint8Array(2 * shape.reduce((n, d) => n * d, 1)) };
    });
    writeFileSync(at(file), encodeSafetensors(stored));
  };
  write(
    "tower.safetensors",
    parameters.flatMap(({ name, shape }) => transformersVit(name, shape)),
  );
  write(
    "partly.safetensors",
    parameters.map(({ name, shape }) => ({ name: name.replace(/^(blocks\.\d+)\.attn\./, "$1.heed."), shape })),
  );
  write(
    "transformers.safetensors",
    parameters.flatMap(({ name, shape }) => publishedVit(name, shape)),
  );
  write("learner.safetensors", [
    ...parameters.map(({ name, shape }) => ({ name: `learner.${name}`, shape })),
    { name: "learner.\u001B[31mred\u202E", shape: [1] },
  ]);
  write(
    "thin.safetensors",
    parameters.map(({ name, shape }) => ({ name, shape: name.includes("fc1.bias") ? [7] : shape })),
  );
});

describe("doctor", () => {
  it("says first whether the file loads", async () => {
    const { status, out, err } = await cli(["doctor", `local-dir:${shapesModel}`]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatchInlineSnapshot(`
      "test_resnet.shapes (resnet)
      loads: all 92 parameters of the model have values

      file       model.safetensors
      entries    92, f32, i64
      names      timm's
      as stored  92 of 92 parameters and buffers
      "
    `);
  });

  it("says of names that are timm's in part how many are, and of the others alone that they are unknown", async () => {
    const { out } = await cli([...vit, at("partly.safetensors")]);
    expect(out).toMatch(
      /^names +timm's for 32 of 44 parameters and buffers, the others of no layout that timmc knows$/m,
    );
    expect(out).toContain(
      "timmc knows no layout with those names of the file that are not timm's; the closest mapping",
    );
  });

  it("shows the closest mapping by templates, in columns, and fails", async () => {
    const { status, out, err } = await cli([...vit, at("tower.safetensors")]);
    expect(status).toBe(1);
    expect(err).toBe("timmc: tower.safetensors does not load into vit_tiny_patch16_224\n");
    expect(out).toMatchInlineSnapshot(`
      "vit_tiny_patch16_224.augreg_in21k_ft_in1k (vision_transformer)
      does not load: 44 of 44 parameters missing, 0 of another shape or type
        timmc knows no layout with these names; the closest mapping gives 44 of the 44 missing parameters: where it is right, save the file under the model's names.

      file       tower.safetensors
      entries    56
      names      of no layout that timmc knows
      as stored  0 of 44 parameters and buffers

      closest mapping, by shapes and words: a proposal, which nothing applies (44)
         entry of the file                                                     parameter                    how      confidence
      1  tower.embeddings.patch.projection.weight                              patch_embed.proj.weight      renamed  high
      1  tower.embeddings.patch.projection.bias                                patch_embed.proj.bias        renamed  high
      1  tower.embeddings.class_token                                          cls_token                    renamed  high
      1  tower.layernorm.weight                                                norm.weight                  renamed  high
      1  tower.layernorm.bias                                                  norm.bias                    renamed  high
      1  tower.embeddings.positions                                            pos_embed                    renamed  medium
      3  tower.encoder.layer.{N}.attention.attention.{query,key,value}.weight  blocks.{N}.attn.qkv.weight   merge    high
      3  tower.encoder.layer.{N}.attention.attention.{query,key,value}.bias    blocks.{N}.attn.qkv.bias     merge    high
      3  tower.encoder.layer.{N}.attention.output.dense.weight                 blocks.{N}.attn.proj.weight  renamed  high
      3  tower.encoder.layer.{N}.attention.output.dense.bias                   blocks.{N}.attn.proj.bias    renamed  high
      1  classifier.weight                                                     head.weight                  renamed  high
      1  classifier.bias                                                       head.bias                    renamed  high
      3  tower.encoder.layer.{N}.layernorm_before.weight                       blocks.{N}.norm1.weight      renamed  high
      3  tower.encoder.layer.{N}.layernorm_before.bias                         blocks.{N}.norm1.bias        renamed  high
      3  tower.encoder.layer.{N}.layernorm_after.weight                        blocks.{N}.norm2.weight      renamed  high
      3  tower.encoder.layer.{N}.layernorm_after.bias                          blocks.{N}.norm2.bias        renamed  high
      3  tower.encoder.layer.{N}.intermediate.dense.weight                     blocks.{N}.mlp.fc1.weight    renamed  high
      3  tower.encoder.layer.{N}.intermediate.dense.bias                       blocks.{N}.mlp.fc1.bias      renamed  high
      3  tower.encoder.layer.{N}.output.dense.weight                           blocks.{N}.mlp.fc2.weight    renamed  medium
      3  tower.encoder.layer.{N}.output.dense.bias                             blocks.{N}.mlp.fc2.bias      renamed  medium
      "
    `);
  });

  it("shows a line for each parameter with --all", async () => {
    const brief = await cli([...vit, at("thin.safetensors")]);
    expect(brief.out).toMatch(/^3 {2}blocks\.\{0\.\.2\}\.mlp\.fc1\.bias {2}\[192\] +\[7\] +another width$/m);
    const full = await cli([...vit, at("thin.safetensors"), "--all"]);
    expect(full.out).toMatch(/^1 {2}blocks\.1\.mlp\.fc1\.bias {2}\[192\] +\[7\] +another width$/m);
  });

  it("says by which steps a parameter of a known layout is made, and of what", async () => {
    const { status, out } = await cli([...vit, at("transformers.safetensors")]);
    expect(status).toBe(0);
    expect(out).toMatch(/^names +those of .*ViT.*, mapped by timmc; timm has no such mapping$/m);
    expect(out).toMatch(
      /^3 {2}blocks\.\{0\.\.2\}\.attn\.qkv\.bias +merge +concat\(vit\.encoder\.layer\.\{0\.\.2\}\.\S+query\.bias, /m,
    );
    const { out: full } = await cli([...vit, at("transformers.safetensors"), "--all"]);
    expect(full).toMatch(/^1 {2}blocks\.2\.attn\.qkv\.bias +merge +concat\(vit\.encoder\.layer\.2\./m);
  });

  it("lets no name of a file speak to the terminal", async () => {
    const { out } = await cli([...vit, at("learner.safetensors"), "--all"]);
    expect(out).toContain("carry the prefix `learner.`");
    expect(out).toContain("learner.\\u001b[31mred\\u202e");
    expect(out).not.toContain("\u001B");
    expect(out).not.toContain("\u202E");
  });

  it("prints the same as one document with --json, also where it fails", async () => {
    const report = (await cliJson("doctor", `local-dir:${shapesModel}`)) as Diagnosis;
    expect(report).toMatchObject({ verdict: "loads", architecture: "test_resnet" });
    const { status, out, err } = await cli([...vit, at("tower.safetensors"), "--json"]);
    expect(status).toBe(1);
    expect((JSON.parse(out) as Diagnosis).verdict).toBe("fails");
    expect(err).toContain("does not load");
  });

  it("is where the error of compile points to", async () => {
    const { err } = await cli(["compile", ...vit.slice(1), at("thin.safetensors"), "-o", at("out")]);
    expect(err).toContain("timmc doctor MODEL --weights FILE shows each key.");
  });
});

describe("collapsed rows", () => {
  it("make one of texts that differ in numbers", () => {
    expect(collapsed(["a.0.b1", "a.1.b1", "a.2.b1"])).toBe("a.{0..2}.b1");
    expect(collapsed(["a1", "a5"])).toBe("a{1,5}");
    expect(collapsed(["a"])).toBe("a");
  });

  it("count what they stand for, in the order of the first", () => {
    const rows = [
      { cells: ["x.1", "f"], count: 1 },
      { cells: ["y", "f"], count: 2 },
      { cells: ["x.2", "f"], count: 3 },
      { cells: ["x.2", "g"], count: 1 },
    ];
    expect(collapseRows(rows)).toEqual([
      { cells: ["x.{1,2}", "f"], count: 4 },
      { cells: ["y", "f"], count: 2 },
      { cells: ["x.2", "g"], count: 1 },
    ]);
  });
});
