import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Diagnosis, TimmcError, compile, doctor } from "../../src/index.ts";
import { parametersOf, publishedVit, transformersVit } from "../frontend/weights/diagnose/foreign.ts";
import { encodeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

type Shape = readonly number[];
type Write = (name: string, shape: Shape) => readonly { readonly name: string; readonly shape: Shape }[];

const small = { depth: 2, embed_dim: 48, num_heads: 3 };
const vit = "vit_tiny_patch16_224";

/** A file of f16 zeros with the parameters of a model, under other names. */
async function fileOf(
  label: string,
  model: string,
  args: Readonly<Record<string, unknown>> = {},
  write: Write = (name, shape) => [{ name, shape }],
): Promise<{ readonly file: string }> {
  const entries = (await parametersOf(model, args)).flatMap(({ name, shape }) => write(name, shape));
  const file = at(label);
  const stored = entries.map(({ name, shape }) => {
    const bytes = new Uint8Array(2 * shape.reduce((n, d) => n * d, 1));
    return { name, shape, dtype: "f16" as const, bytes };
  });
  writeFileSync(file, encodeSafetensors(stored));
  return { file };
}

const statuses = ({ parameters }: Diagnosis): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { status } of parameters) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

test("the folder's own weights load, each under its name", async () => {
  const report = await doctor({ model: `local-dir:${shapesModel}` });
  expect(report).toMatchObject({
    weights: "pretrained",
    file: "model.safetensors",
    layout: null,
    verdict: "loads",
    failure: null,
    unused: [],
    dropped: [],
    advice: [],
    findings: { prefix: null, mapping: null, siblings: null, args: [] },
  });
  expect(report.parameters.every((p) => p.from.join() === p.name && p.expression === null)).toBe(true);
  expect(report.taps).toContainEqual({ name: "logits", needs: null });
});

test("says what computed parameters are made of, and what is left out", async () => {
  const weights = await fileOf("hf.safetensors", vit, small, (name, shape) => [
    ...publishedVit(name, shape),
    ...(name === "cls_token" ? [{ name: "vit.embeddings.mask_token", shape: [1, 1, 48] }] : []),
  ]);
  const report = await doctor({ model: vit, args: small, weights });
  expect(report.verdict).toBe("loads");
  expect(report.layout?.own).toBe(true);
  const qkv = report.parameters.find((p) => p.name === "blocks.1.attn.qkv.weight");
  const keys = ["query", "key", "value"].map((x) => `vit.encoder.layer.1.attention.attention.${x}.weight`);
  expect(qkv).toMatchObject({ status: "loads", from: keys, stored: ["f16"], steps: ["merge"] });
  expect(qkv?.expression).toBe(`concat(${keys.join(", ")}, axis=0)`);
  expect([...report.dropped.flatMap((d) => d.from), ...report.unused.flatMap((u) => u.from)]).toEqual([
    "vit.embeddings.mask_token",
  ]);
});

test("a first convolution is adapted, a classifier withheld: the report says which taps compile", async () => {
  const weights = await fileOf("resnet.safetensors", "test_resnet", { num_classes: 7 });
  const report = await doctor({ model: "test_resnet", args: { in_chans: 1 }, taps: ["features.1"], weights });
  expect(report.verdict).toBe("partly");
  expect(report.summary).toContain("the checkpoint's classifier has 7 classes, the model 1000");
  expect(report.taps).toEqual([
    { name: "logits", needs: "fc.weight" },
    { name: "pre_logits", needs: null },
    { name: "forward_features", needs: null },
    { name: "features", needs: null },
    { name: "features.1", needs: null },
  ]);
  expect(report.advice).toEqual(["With --arg num_classes=7 fc.weight of the file loads too."]);
  expect(report.parameters[0]).toMatchObject({ adaptation: "3 input channels summed to 1", shape: [16, 1, 3, 3] });
});

test("a verdict is what compile then does", async () => {
  const weights = await fileOf("classes.safetensors", "test_resnet", { num_classes: 7 });
  const request = { model: "test_resnet", weights, inputSize: [3, 64, 64] as const };
  const { taps } = await doctor(request);
  for (const { name, needs } of taps) {
    const outcome = await refusal(compile({ ...request, taps: [name], out: at(`out-${name}`) }));
    expect(outcome.includes("needs fc.weight"), name).toBe(needs !== null);
  }
});

test("a prefix is found, and two networks in one file are told", async () => {
  const weights = await fileOf("wrapped.safetensors", "test_resnet", {}, (name, shape) => [
    { name: `encoder_q.${name}`, shape },
    { name: `encoder_k.${name}`, shape },
  ]);
  const report = await doctor({ model: "test_resnet", weights });
  expect(report.verdict).toBe("fails");
  expect(report.findings.prefix).toMatchObject({
    change: "off",
    prefix: "encoder_q.",
    rivals: ["encoder_k."],
    missing: 0,
    misshapen: 0,
  });
  expect(report.advice[0]).toContain("`encoder_q.`");
  await expect(compile({ model: "test_resnet", weights, out: at("out-prefix") })).rejects.toThrow(/prefix|missing/);
});

test("a layout behind a wrapper's prefix is recognised", async () => {
  const weights = await fileOf("wrapper.safetensors", vit, small, (name, shape) => [
    { name: `learner.${name}`, shape },
    ...(name === "cls_token" ? [{ name: "learner.mask_token", shape: [1, 48] }] : []),
  ]);
  const { findings } = await doctor({ model: vit, args: small, weights });
  expect(findings.prefix).toMatchObject({ prefix: "learner.", layout: "DINOv2", missing: 0 });
});

test("names of no known layout are mapped by shapes and words", async () => {
  const weights = await fileOf("unknown.safetensors", vit, small, transformersVit);
  const { verdict, findings, advice, parameters } = await doctor({ model: vit, args: small, weights });
  expect(verdict).toBe("fails");
  const found = findings.mapping?.templates.reduce((n, t) => n + t.matched, 0);
  expect(found).toBe(parameters.length);
  expect(findings.siblings).toBeNull();
  expect(advice.join()).toContain(`${parameters.length} of the ${parameters.length} missing`);
});

test.each([
  ["resnet18", "resnet34", "resnet34"],
  ["resnet34", "resnet18", "resnet18"],
  ["vit_tiny_patch16_224", "test_vit", "test_vit"],
])("%s given a file of %s", async (asked, given, named) => {
  const weights = await fileOf(`${given}.safetensors`, given);
  const { findings, advice } = await doctor({ model: asked, weights });
  expect(findings.siblings?.architectures[0]).toBe(named);
  expect(advice.join("\n")).toContain(`ask for ${named}`);
});

test("arguments are read off the shapes, also for another architecture", async () => {
  const gray = await fileOf("gray.safetensors", "test_resnet", { in_chans: 1 });
  const report = await doctor({ model: "test_resnet", weights: gray });
  expect(report.findings).toMatchObject({ args: ["in_chans=1"], siblings: null });
  expect(statuses(report)["misshapen"]).toBe(1);
  const other = await fileOf("other.safetensors", "resnet18", { num_classes: 5 });
  const { findings } = await doctor({ model: "resnet34", weights: other });
  expect(findings.siblings).toMatchObject({ unused: 0, args: ["num_classes=5"] });
  expect(findings.siblings?.architectures[0]).toBe("resnet18");
});

test("a step that is impossible is a finding, and the rest is told", async () => {
  const weights = await fileOf("positions.safetensors", vit, small, (name, shape) => [
    { name, shape: name === "pos_embed" ? [1, 12, 48] : shape },
  ]);
  const report = await doctor({ model: vit, args: small, weights });
  expect(report.verdict).toBe("fails");
  expect(report.failure?.message).toContain("positions are not 1 and a square grid");
  expect(statuses(report)["misshapen"]).toBe(1);
});

test("a file of something else altogether", async () => {
  const file = at("else.safetensors");
  writeFileSync(file, encodeSafetensors([{ name: "words", shape: [1], dtype: "u8", bytes: new Uint8Array(1) }]));
  const { verdict, advice, entries } = await doctor({ model: "test_resnet", weights: { file } });
  expect({ verdict, entries }).toEqual({ verdict: "fails", entries: 1 });
  expect(advice[0]).toContain("no names in common");
});

test("reads the header alone", async () => {
  const { file } = await fileOf("whole.safetensors", "test_resnet");
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  bytes.fill(0xff, 8 + length);
  writeFileSync(file, bytes);
  expect((await doctor({ model: "test_resnet", weights: { file } })).verdict).toBe("loads");
});

test("what has no file is refused, and so are unknown keys", async () => {
  for (const weights of ["none", "synthetic"] as const)
    expect(await refusal(doctor({ model: "test_resnet", weights }))).toMatch(/^usage: --weights \w+ has no file/);
  const request: object = { model: "test_resnet", weigths: "none" };
  await expect(doctor(request as Parameters<typeof doctor>[0])).rejects.toThrow(TimmcError);
  expect(await refusal(doctor({ model: "test_resnet", weights: { file: join(at("no"), "x.pth") } }))).toMatch(/^io: /);
});

test("behind a prefix another architecture is sought, and no part of a mapping proposed", async () => {
  const weights = await fileOf("backbone.safetensors", "resnet18", {}, (name, shape) => [
    { name: `backbone.${name}`, shape },
  ]);
  const seen: string[] = [];
  const progress = (text: string) => void seen.push(text);
  const { findings, advice, summary } = await doctor({ model: "resnet50", weights, progress });
  expect(findings.mapping).toBeNull();
  expect(findings.prefix).toMatchObject({ change: "off", prefix: "backbone." });
  expect(findings.siblings).toMatchObject({ unused: 0, args: [] });
  expect(advice).toEqual([
    "The names of the file carry the prefix `backbone.`: save them without it.",
    "Then the file has the names and shapes of resnet18: ask for resnet18.",
  ]);
  expect(summary).toBe("does not load: 267 of 267 parameters missing, 0 of another shape or type");
  expect(seen.filter((text) => text.startsWith("comparing with ")).length).toBeLessThan(200);
  expect(seen.at(-1)).toMatch(/^comparing with resnet18 \(\d+ of \d+ architectures\)$/);
});

test("a file without a classifier is recognised as another architecture's, and one that lacks a tensor as its own", async () => {
  const part = (label: string, lacks: RegExp) =>
    fileOf(label, "resnet18", {}, (name, shape) => (lacks.test(name) ? [] : [{ name, shape }]));
  const other = await doctor({ model: "resnet34", weights: await part("headless.safetensors", /^fc\./) });
  expect(other.advice).toContain(
    "The file has the names and shapes of resnet18: ask for resnet18 --arg num_classes=0.",
  );
  const own = await doctor({ model: "resnet18", weights: await part("lacking.safetensors", /^bn1\.weight$/) });
  expect(own.advice).toEqual([
    "The file has the model's names but for bn1.weight: check that it was saved whole, and the architecture and its arguments.",
  ]);
});

test("behind a prefix the open names and the classes are told", async () => {
  const weights = await fileOf("net.safetensors", "test_resnet", { num_classes: 7 }, (name, shape) => [
    { name: `net.${name}`, shape },
  ]);
  const { advice } = await doctor({ model: "test_resnet", weights });
  expect(advice).toEqual([
    "The names of the file carry the prefix `net.`: save them without it.",
    "The shapes ask for --arg num_classes=7.",
  ]);
  const less = await fileOf("less.safetensors", "test_resnet", {}, (name, shape) =>
    name.startsWith("bn1.") ? [] : [{ name: `net.${name}`, shape }],
  );
  const { findings } = await doctor({ model: "test_resnet", weights: less });
  expect(findings.prefix?.open).toEqual(["bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"]);
});
