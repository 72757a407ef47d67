import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/cli/main.ts";
import { report } from "../../src/cli/report.ts";
import { facts, table } from "../../src/cli/table.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { shapesModel } from "../driver/workspace.ts";
import { cli, recordingShell } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const out = join(folder, "out");
const occupied = join(folder, "occupied");
writeFileSync(occupied, "");
const notWeights = join(folder, "bad.safetensors");
writeFileSync(notWeights, "not a safetensors file");

const usage: readonly [args: readonly string[], ...message: string[]][] = [
  [["comple"], "unknown command 'comple'", "Did you mean compile?"],
  [["list", "--jso"], "unknown option '--jso'", "Did you mean --json?"],
  [["list", "--sort", "age"], "Allowed choices are name, top1, params, gmacs"],
  [["list", "--family", "resnt"], 'timm has no family "resnt"', '"resnet"'],
  [["inspect"], "missing required argument 'MODEL'"],
  [["inspect", "resnet18", "resnet34"], "too many arguments"],
  [["inspect", "resnett50"], 'timm has no architecture "resnett50"', '"resnet50"'],
  [["inspect", "resnet50.a1_in1x"], 'resnet50 has no pretrained tag "a1_in1x"', '"a1_in1k"'],
  [["inspect", "foo/bar"], '"hf-hub:foo/bar"', '"local-dir:foo/bar"'],
  [["inspect", "hg:foo"], 'unknown scheme "hg"'],
  [["compile", "resnet18", "-o", out, "--sizes", "224,0"], "argument '224,0' is invalid", "HEIGHTxWIDTH"],
  [["compile", "resnet18", "-o", out, "--sizes", "224x"], "HEIGHTxWIDTH, such as 224x224"],
  [["compile", "resnet18", "-o", out, "--sizes", "224,96,224x224"], "--sizes names 224x224 twice"],
  [["run", out, "--size", "big", "cat.jpg"], "argument 'big' is invalid"],
  [["inspect", "resnet18", "--arg", "depth"], "It must be KEY=VALUE"],
  [["inspect", "resnet18", "--arg", "stem_widht=3"], 'takes no argument "stem_widht"', "did you mean stem_width"],
  [["inspect", "resnet18", "--arg", "feature_only=true"], "did you mean features_only?"],
  [["inspect", "resnet18", "--arg", "img_size=96"], 'takes no argument "img_size"', "--input-size C,H,W"],
  [["inspect", "resnet18", "--arg", "zzzz=1"], 'takes no argument "zzzz"\n', "it takes: features_only, "],
  [["inspect", "resnet18", "--arg", "output_stride=7"], "output_stride=7: resnet18 (resnet) takes 8 | 16 | 32"],
  [["inspect", "resnet18", "--arg", "in_chans=many"], 'in_chans="many"', "integer >= 1"],
  [["inspect", "resnet18", "--cfg", "crop=1"], '"crop" is not a field', '"crop_pct"'],
  [["inspect", "resnet18", "--cfg", "crop_pct=big"], "crop_pct must be a number"],
  [["inspect", "resnet18", "--taps", "logit"], 'unknown tap "logit"', 'Did you mean "logits"'],
  [["inspect", "resnet18", "--taps", "features.9"], "there is no tap features.9", "features.0 to features.4"],
  [["inspect", "resnet18", "--taps", "module:layer3.22"], '"layer3.22"', 'Did you mean "layer3"'],
  [
    ["inspect", "resnet18", "--taps", "module:NO.SUCH"],
    "The outermost modules are conv1, bn1, act1, maxpool, layer1, layer2, layer3, layer4, global_pool, fc.",
    "timmc inspect MODEL --ir",
  ],
  [["inspect", "resnet18", "--taps", "attn:blocks.0"], 'attn: "blocks.0" is no module'],
  [["inspect", "resnet18", "--taps", "logits,logits"], "asked for twice"],
  [["inspect", "resnet18", "--input-size", "3,224"], "It must be C,H,W"],
  [["inspect", "resnet18", "--input-size", "3,0x10,8"], "It must be C,H,W"],
  [["inspect", "resnet18", "--batch", "0"], "positive integer or dynamic"],
  [["inspect", "resnet18", "--use-test-size", "--input-size", "3,64,64"], "cannot be used with"],
  [["inspect", "resnet18", "--after", "fold-batch-norm"], "--after PASS needs --ir or --html"],
  [["inspect", "resnet18", "-O2"], "-O LEVEL needs --ir, --kernels or --html"],
  [["inspect", "resnet18", "--passes", "dead-code"], "--passes LIST needs --ir, --kernels or --html"],
  [["inspect", "resnet18", "--ir", "--passes", "dead"], 'no pass "dead"', 'Did you mean "dead-code"?'],
  [["inspect", "resnet18", "--ir", "-O0", "--after", "fold-batch-norm"], "-O0 has no pass", "dead-code"],
  [["inspect", "resnet18", "--ir", "--after", "fold-batch"], '"fold-batch"', 'Did you mean "fold-batch-norm"?'],
  [["inspect", "resnet18", "--html", "page.html", "--ir"], "'--html <FILE>' cannot be used with option '--ir'"],
  [["inspect", "resnet18", "--ir", "--param-groups"], "'--param-groups [KIND]' cannot be used with option '--ir'"],
  [["inspect", "resnet18", "--ir", "--activations", "a.png"], "'--activations <IMAGES...>' cannot be used with option"],
  [["inspect", "resnet18", "--html", "p.html", "--activations", "a.png"], "cannot be used with option '--html <FILE>'"],
  [["inspect", "resnet18", "--html", "p.html", "--param-groups"], "cannot be used with option '--html <FILE>'"],
  [["inspect", "resnet18", "--activations", "a.png", "--param-groups"], "cannot be used with option '--activations"],
  [
    ["inspect", "resnet18", "--activations", "a.png", "--weights", "none"],
    "has no activations",
    "--weights pretrained",
  ],
  [["inspect", "resnet18", "--activations", "a.png", "--after", "dead-code"], "--after PASS needs --ir or --html"],
  [["inspect", "mobilenetv3_small_100", "--arg", "output_stride=16"], "it needs features_only=true"],
  [["inspect", "resnet18", "--arg", "global_pool="], 'global_pool="" needs num_classes=0'],
  [
    ["inspect", "resnet18", "--num-classes", "0"],
    "unknown option '--num-classes'\n  timm's",
    "--arg num_classes=VALUE",
  ],
  [["compile", "resnet18", "-o", out, "--out_indices=1"], "--arg out_indices=VALUE"],
  [["inspect", "resnet18", "--precision", "fp16"], "--precision TYPE needs --ir, --kernels or --html"],
  [["compile", "resnet18"], "required option '-o, --out <DIR>' not specified"],
  [["compile", "resnet18", "-o", out, "--precision", "int8"], "--precision int8"],
  [
    ["compile", "resnet18", "-o", out, "--precision", "half"],
    "Allowed choices are fp32, fp16, int8, int8-dynamic, int8-weights, int4-weights",
  ],
  [["compile", "resnet18", "-o", out, "--precision", "int8", "--target", "cuda"], "does not take --precision int8"],
  [["compile", "resnet18", "-o", out, "--target", "tpu"], "Allowed choices are onnx, webgpu, cuda."],
  [["compile", "resnet18", "-o", out, "--target", "webgpu", "--opset", "18"], "webgpu does not take --opset 18"],
  [
    ["compile", "resnet18", "-o", out, "--target", "webgpu", "--onnx-ops", "ort"],
    "webgpu does not take --onnx-ops ort",
  ],
  [
    ["compile", "resnet18", "-o", out, "--target", "cuda", "--layout", "transformers-js"],
    "cuda does not take --layout transformers-js",
  ],
  [["compile", "resnet18", "-o", out, "--target", "webgpu", "--batch", "dynamic"], "does not take --batch dynamic"],
  [["inspect", "resnet18", "--target", "cuda", "--batch", "dynamic"], "does not take --batch dynamic"],
  [["compile", "resnet18", "-o", out, "--onnx-ops", "fast"], "Allowed choices are standard, ort"],
  [
    ["compile", "resnet18", "-o", out, "--passes", "fold-bn,dead-code"],
    'no pass "fold-bn"',
    "The passes are dead-code",
  ],
  [["compile", "resnet18", "-o", out, "--passes", "dead-cod"], 'Did you mean "dead-code"?'],
  [["compile", "resnet18", "-o", out, "--passes", "dead-code,"], "Entry 2 of 2 is empty"],
  [["inspect", "resnet18", "--taps", "logits,,features"], "Entry 2 of 3 is empty"],
  [["inspect", "resnet18", "--ir", "--after", "all"], "--after takes one pass", "--print-ir-after all"],
  [["inspect", "resnet18", "--cfg", "mean=[0.5,0.5]"], "cfg.mean has 2 numbers for an input of 3", "one per channel"],
  [["inspect", "resnet18", "--cfg", "std=[1,1,1,1]"], "cfg.std has 4 numbers"],
  [["compile", "resnet18", "-o", out, "--passes", "none,dead-code"], "none stands alone"],
  [["compile", "resnet18", "-o", out, "--passes", "none", "--passes", "dead-code"], "none stands alone"],
  [
    ["compile", "resnet18", "-o", out, "--print-ir-after", "fold-batch"],
    '-O2 has no pass "fold-batch"',
    '"fold-batch-norm"',
  ],
  [["compile", "resnet18", "-o", out, "-O0", "--print-ir-after", "fold-batch-norm"], "-O0 has no pass", "dead-code"],
  [["compile", "resnet18", "-o", out, "--passes", "dead-code", "--print-ir-after", "x"], "--passes dead-code has no"],
  [["compile", "resnet18", "-o", out, "--max-error", "0.1"], "--max-error is for a --precision below fp32"],
  [["compile", "resnet18", "-o", out, "--dynamic-size", "x"], "such as 32; MODEL stands before it"],
  [
    ["compile", "resnet18", "-o", out, "--dynamic-size", "--target", "cuda"],
    "does not take --dynamic-size",
    "--input-size",
  ],
  [["inspect", "resnet18", "--dynamic-size", "37"], "is no multiple of 37", "--input-size 3,222,222"],
  [["inspect", "wide_resnet50_2", "--dynamic-size=multiple=0"], "positive integer"],
  [["compile", "resnet18", "-o", out, "--layout", "transformers-js", "--softmax"], "does not take --softmax", "Leave"],
  [["compile", "resnet18", "-o", out, "--layout", "transformers-js", "--preprocess"], "does not take --preprocess"],
  [["compile", "resnet18", "-o", out, "-O3"], "Allowed choices are 0, 1, 2"],
  [["compile", "resnet18", "-o", out, "--opset", "16"], "Use --opset 17 to 23"],
  [["compile", "resnet18", "-o", out, "--opset", "x"], "It must be a whole number"],
  [["inspect", "resnet18", "--cfg", "mean=[1e400,0,0]"], "not [Infinity,0,0]"],
  [["inspect", "resnet18", "--cfg", "tag=a\u001b[2J"], "tag must be a string without control characters", "\\u001b"],
  [["inspect", "resnet18", "--cfg", "classifier=nope"], 'cfg.classifier names "nope"', '"fc"'],
  [["inspect", "resnet18", "--cfg", "classifier=conv1.0"], 'cfg.classifier names "conv1.0"'],
  [["inspect", "resnet18", "--cfg", "first_conv=conv2"], 'cfg.first_conv names "conv2"', '"conv1"'],
  [["inspect", "./models/a.safetensors"], "--weights FILE"],
  [["doctor", "resnet18", "--weights", "none"], "--weights none has no file to diagnose", "--weights FILE"],
  // timm's forward takes a dictionary of these in place of an image.
  ...["patches", "patch_coord", "patch_valid"].map((key): [readonly string[], string] => [
    ["inspect", "naflexvit_base_patch16_gap", "--arg", `${key}=[0]`],
    `${key}=[0]: naflexvit_base_patch16_gap (naflexvit) takes one image as its input, no dictionary of patches`,
  ]),
];

const failed: readonly [args: readonly string[], ...message: string[]][] = [
  [
    ["inspect", "gemma4_vit_570m_enc"],
    "gemma4_vit_570m_enc: the family gemma4_vit is refused: its input is a dictionary",
  ],
  [["inspect", "local-dir:/no/such/folder"], "/no/such/folder: there is no such folder"],
  [
    ["inspect", "hf-hub:timm/resnet50.a1_in1k", "--cache-dir", out],
    "hf-hub:timm/resnet50.a1_in1k: config.json",
    "HF_HUB_OFFLINE is set",
    out,
  ],
  [
    ["inspect", "vit_tiny_patch16_224", "--input-size", "3,256,256"],
    "timmc: vit_tiny_patch16_224 > patch_embed: input height 256 doesn't match the model's 224",
  ],
  [
    ["compile", "resnet18", "-o", out, "--cache-dir", out],
    "hf-hub:timm/resnet18.a1_in1k: model.safetensors",
    "HF_HUB_OFFLINE is set",
    "--weights FILE",
  ],
  [["compile", "resnet18", "-o", out, "--weights", join(folder, "no.safetensors")], "cannot be read"],
  [["compile", "resnet18", "-o", out, "--weights", notWeights], notWeights],
  [["compile", "test_resnet", "-o", occupied, "--weights", "synthetic"], "cannot write the output folder"],
  [["compile", "test_resnet", "-o", join(occupied, "below"), "--weights", "none"], "cannot write the output folder"],
  [
    ["compile", `local-dir:${shapesModel}`, "-o", out, "--arg", "num_classes=7"],
    "10 classes, the model 7",
    "other taps",
  ],
  [["verify", folder], folder],
];

describe("wrong usage ends with 2", () => {
  it.each(usage)("%j", async (args, ...messages) => {
    const { status, out: printed, err } = await cli([...args, "--json"]);
    expect(err.split("\n")[0]).toMatch(/^timmc: /);
    for (const message of messages) expect(err).toContain(message);
    expect({ status, printed }).toEqual({ status: 2, printed: "" });
  });
});

describe("a failed task ends with 1", () => {
  it.each(failed)("%j", async (args, ...messages) => {
    const { status, out: printed, err } = await cli([...args, "--json"]);
    expect(err).toMatch(/^timmc: /);
    for (const message of messages) expect(err).toContain(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect({ status, printed }).toEqual({ status: 1, printed: "" });
  });
});

it("without a command prints the help on stderr and ends with 2", async () => {
  const { status, out: printed, err } = await cli([]);
  expect({ status, printed }).toEqual({ status: 2, printed: "" });
  expect(err).toContain("Usage: timmc COMMAND");
});

it("--debug adds the stack, before or behind the command", async () => {
  for (const args of [
    ["--debug", "inspect", "resnett50"],
    ["inspect", "resnett50", "--debug"],
  ]) {
    const { status, err } = await cli(args);
    expect(status).toBe(2);
    expect(err).toMatch(/^\s+at /m);
  }
});

describe("an error of another kind", () => {
  const listWith = async (error: unknown, ...more: string[]) => {
    const { shell, written } = recordingShell();
    const broken = {
      ...shell,
      json: () => {
        throw error;
      },
    };
    const status = await runCommandLine(["list", "resnet18", "--json", ...more], broken);
    return { status, ...written };
  };

  it("is one line that asks for a report", async () => {
    const ended = await listWith(new RangeError("surprise"));
    expect(ended).toEqual({ status: 1, out: "", err: "timmc: internal error: surprise; please report it\n" });
  });

  it("has its stack and its causes with --debug", async () => {
    const { err } = await listWith(new Error("outer", { cause: new Error("inner") }), "--debug");
    expect(err).toMatch(/Error: outer\n\s+at [^]*caused by Error: inner\n\s+at /);
  });

  it("is an interruption where a driver says so", async () => {
    const ended = await listWith(new TimmcError("interrupted", "stopped"));
    expect(ended).toEqual({ status: 130, out: "", err: "timmc: interrupted\n" });
  });
});

describe("text from files", () => {
  const hostile = "a\u001b]0;owned\u0007\u009b2J\u202eb";
  const safe = String.raw`a\u001b]0;owned\u0007\u009b2J\u202eb`;

  it("is escaped where errors and notes are printed, and line ends of messages stay", () => {
    const { shell, written } = recordingShell({ isTerminal: true });
    const error = new TimmcError("io", `first ${hostile}\nsecond`, { trail: [`x\n${hostile}`], hint: hostile });
    expect(report(error, shell, false)).toBe(1);
    shell.note(hostile);
    expect(written.err.split("\n")).toEqual([
      String.raw`timmc: x\u000a${safe}: first ${safe}`,
      "second",
      `  ${safe}`,
      `note: ${safe}`,
      "",
    ]);
  });

  it("is escaped in --json, and is the same document", () => {
    const { shell, written } = recordingShell();
    shell.json({ [hostile]: hostile });
    expect(written.out).toMatch(/^[^\p{C}]+\n$/u);
    expect(JSON.parse(written.out)).toEqual({ [hostile]: hostile });
  });

  it("is escaped in tables", () => {
    expect(table([{ title: "t" }], [[hostile], ["a\nb"]])).toEqual(["t", safe, String.raw`a\u000ab`]);
    expect(facts([["f", hostile]])).toEqual([`f  ${safe}`]);
  });

  it("is cut where nobody would read it", () => {
    const { shell, written } = recordingShell();
    const long = "k".repeat(1_000_000);
    report(new TimmcError("weights", `${long}\n`.repeat(3), { trail: [long], hint: long }), shell, false);
    shell.note(long);
    expect(written.err).toContain("(1000000 characters)");
    expect(written.err.length).toBeLessThan(70_000);
  });
});
