import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadArtifact } from "../../src/driver/artifact.ts";
import { artifactSizes } from "../../src/driver/artifact-sizes.ts";
import { bench } from "../../src/driver/bench.ts";
import { type CompileRequest, compile } from "../../src/driver/compile.ts";
import { diffArtifacts } from "../../src/driver/diff/diff.ts";
import type { Manifest } from "../../src/driver/manifest.ts";
import { runImages, runTensor } from "../../src/driver/run.ts";
import { type Size, maxSizes, sizeName } from "../../src/driver/sizes.ts";
import { verify } from "../../src/driver/verify.ts";
import { resolve } from "../../src/frontend/resolve.ts";
import { toFloat32 } from "../../src/frontend/weights/load.ts";
import { syntheticInput, syntheticSource } from "../../src/frontend/weights/synthetic.ts";
import { bytesOf } from "../../src/ir/bytes.ts";
import { formatNpy, readNpy } from "../../src/runtime/npy.ts";
import { lowerArchitecture } from "../../src/zoo/lower.ts";
import { writeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { compileTiny, pictures, refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

type Request = Omit<CompileRequest, "out">;

/** Networks whose tensors depend on the size in every way that there is; `built` says that they take img_size. */
const networks: readonly (Request & {
  readonly name: string;
  readonly sizes: readonly Size[];
  readonly built: boolean;
})[] = [
  {
    name: "resnet",
    model: "test_resnet",
    sizes: [
      [64, 64],
      [48, 80],
    ],
    taps: ["logits", "features.1"],
    built: false,
  },
  {
    // Position embeddings: 6 x 10 and 10 x 6 are as many, resampled otherwise.
    name: "vit",
    model: "test_vit",
    sizes: [
      [96, 160],
      [160, 96],
      [160, 160],
    ],
    built: true,
  },
  {
    // Tables of relative positions, likewise: 3 x 5 and 5 x 3 windows have as many rows.
    name: "beit",
    model: "beit_base_patch16_224",
    args: { depth: 2, embed_dim: 32, num_heads: 2 },
    sizes: [
      [48, 80],
      [80, 48],
    ],
    built: true,
  },
  {
    // Masks of shifted windows.
    name: "swin",
    model: "swin_tiny_patch4_window7_224",
    args: { embed_dim: 16, depths: [2, 2, 2, 2], num_heads: [1, 2, 4, 8] },
    sizes: [
      [224, 224],
      [224, 448],
      [448, 224],
    ],
    built: true,
  },
  {
    // Windows grow with the picture.
    name: "maxvit",
    model: "maxvit_pico_rw_256",
    args: { embed_dim: [16, 16, 32, 32], depths: [1, 1, 1, 1], stem_width: 16, transformer_dim_head: 16 },
    sizes: [
      [64, 96],
      [96, 64],
    ],
    built: true,
  },
];

/** A weight file at the size that the network has by itself. */
async function writeWeights(path: string, request: Request): Promise<void> {
  const { family, architecture, args, inputSize } = await resolve(request);
  const { parameters } = lowerArchitecture(family, architecture, args, inputSize);
  const source = syntheticSource(parameters);
  writeSafetensors(
    path,
    parameters.map(({ name, shape }) => {
      const data = source.get(name);
      return { name, dtype: "f32", shape, bytes: bytesOf(data === undefined ? new Float32Array() : toFloat32(data)) };
    }),
  );
}

/** What the artifact gives for the recipe's input of a size, by tap. */
async function outputsOf(folder: string, size: Size) {
  const shape = [2, 3, ...size];
  writeFileSync(at("input.npy"), formatNpy({ dtype: "f32", shape, data: Float32Array.from(syntheticInput(shape)) }));
  const { outputs } = await runTensor(folder, at("input.npy"), { save: at("saved"), size });
  return outputs.map(({ name, file }) => [name, readNpy(join(at("saved"), file ?? ""))]);
}

const storedBytes = ({ files }: Manifest): number =>
  files.reduce((sum, { path, bytes }) => sum + (path.startsWith("model.") ? bytes : 0), 0);

describe.each(networks)("$name of several sizes", ({ name, sizes, built, ...request }) => {
  const single = (size: Size, out: string): Promise<Manifest> =>
    compile({
      ...request,
      weights: { file: at(`${name}.safetensors`) },
      out: at(out),
      ...(built
        ? { args: { ...request.args, img_size: size[0] === size[1] ? size[0] : size } }
        : { inputSize: [3, ...size] }),
    });

  beforeAll(async () => {
    await writeWeights(at(`${name}.safetensors`), request);
    await compile({ ...request, sizes, weights: { file: at(`${name}.safetensors`) }, out: at(name) });
  });

  test("is bit by bit what compiles of one size are, in less than they take", async () => {
    const artifact = await loadArtifact(at(name));
    let separate = 0;
    for (const size of sizes) {
      const alone = await single(size, `${name}-${sizeName(size)}`);
      separate += storedBytes(alone);
      expect(await outputsOf(at(name), size), sizeName(size)).toEqual(
        await outputsOf(at(`${name}-${sizeName(size)}`), size),
      );
      const sized = artifactSizes(artifact).find((s) => sizeName(s.size) === sizeName(size));
      const { files: _, passes: __, notices: ___, ...said } = sized?.manifest ?? alone;
      const { files: ____, passes: _____, notices: ______, ...expected } = alone;
      expect(said).toEqual({ ...expected, target: { ...expected.target, model: `model.${sizeName(size)}.onnx` } });
    }
    expect(storedBytes(artifact.manifest)).toBeLessThan(0.75 * separate);
  });

  test("is certified at each size", async () => {
    const certificate = await verify(at(name), { weights: at(`${name}.safetensors`) });
    expect(certificate).toMatchObject({ passed: true, failure: null });
    for (const size of sizes)
      expect(certificate.inputs).toContainEqual({
        name: `recipe of three at ${sizeName(size)}`,
        shape: [3, 3, ...size],
        reference: "unoptimised",
      });
  });
});

describe("an artifact of several sizes", () => {
  const sizes = [
    [64, 64],
    [48, 80],
  ] as const;
  const tiny = (out: string, request: Partial<CompileRequest> = {}): Promise<Manifest> =>
    compileTiny(at(out), { inputSize: undefined, sizes, ...request });

  test("has the same bytes each time, and takes the place of another whole", async () => {
    const files = ({ files: all }: Manifest): string[] => all.map(({ path, sha256 }) => `${path} ${sha256}`);
    expect(files(await tiny("again"))).toEqual(files(await tiny("same")));
    await tiny("again", { sizes: [[32, 32]] });
    expect(readdirSync(at("again")).filter((name) => name.startsWith("model."))).toEqual([
      "model.32x32.onnx",
      "model.onnx.data",
    ]);
    await compileTiny(at("again"));
    expect(readdirSync(at("again")).filter((name) => name.startsWith("model"))).toEqual(["model.onnx"]);
  });

  test("shares one data file, of which small tensors are none", async () => {
    const manifest = await tiny("shared");
    expect(manifest.files.map((f) => f.path).slice(0, 3)).toEqual([
      "model.64x64.onnx",
      "model.48x80.onnx",
      "model.onnx.data",
    ]);
    expect(manifest.target).toMatchObject({ model: "model.64x64.onnx", sizes: [{ height: 64 }, { height: 48 }] });
    const one = await tiny("one", { sizes: [[64, 64]] });
    const dataOf = (m: Manifest): string | undefined => m.files.find((f) => f.path === "model.onnx.data")?.sha256;
    expect(dataOf(manifest)).toBe(dataOf(one));
  });

  test("runs the first size unless another is asked for", async () => {
    await compileTiny(at("shapes"), {
      model: `local-dir:${shapesModel}`,
      weights: "pretrained",
      inputSize: undefined,
      sizes: [
        [96, 96],
        [64, 128],
      ],
      taps: ["logits", "features.1"],
    });
    const picture = join(pictures, "arrow-1.png");
    const shapeAt = async (size?: Size) =>
      (await runImages(at("shapes"), [picture], { size })).map(({ outputs }) => outputs.map((o) => o.shape).at(-1));
    expect(await shapeAt()).toEqual([[1, 32, 24, 24]]);
    expect(await shapeAt([64, 128])).toEqual([[1, 32, 16, 32]]);
    expect(await refusal(shapeAt([64, 64]))).toMatch(/^usage: .*no graph for 64x64\n.*96x96, 64x128\.$/);
    const [, other = { manifest: undefined }] = artifactSizes(await loadArtifact(at("shapes")));
    expect(other.manifest?.input.shape).toEqual(["N", 3, 64, 128]);
  });

  test("is timed at each size, or at one", async () => {
    await tiny("timed");
    const inputs = async (size?: Size): Promise<string[]> =>
      (await bench([at("timed")], { runs: 1, size })).artifacts.map((a) => a.input);
    expect(await inputs()).toEqual(["f32[N,3,64,64]", "f32[N,3,48,80]"]);
    expect(await inputs([48, 80])).toEqual(["f32[N,3,48,80]"]);
  });

  test("of one size is asked for that size alone", async () => {
    await compileTiny(at("plain"));
    expect(await refusal(runImages(at("plain"), [join(pictures, "arrow-1.png")], { size: [48, 80] }))).toMatch(
      /^usage: .*no graph for 48x80\n.*takes 64x64 alone/,
    );
  });

  test("runs a tensor at the size that it has, beside another artifact where both have one, and says at which", async () => {
    await tiny("several");
    await compileTiny(at("single"), { inputSize: [3, 48, 80] });
    const written = (height: number, width: number): string => {
      const shape = [1, 3, height, width];
      writeFileSync(at("in.npy"), formatNpy({ dtype: "f32", shape, data: syntheticInput(shape) }));
      return at("in.npy");
    };
    for (const [height, width] of sizes)
      expect((await runTensor(at("several"), written(height, width))).outputs[0]?.shape[0]).toBe(1);
    expect(await refusal(runTensor(at("several"), written(32, 32)))).toMatch(
      /^usage: .*no graph for its size[^]*64x64, 48x80/,
    );
    const { runs, notes } = await diffArtifacts(at("several"), at("single"), { run: true });
    expect(notes).toContain("both ran at 48x80");
    expect(runs?.inputs[0]?.outputs[0]?.max_abs_error).toBeLessThan(1e-4);
    expect(await refusal(diffArtifacts(at("several"), at("single"), { run: true, size: [64, 64] }))).toMatch(
      /^usage: /,
    );
    const { artifacts } = await bench([at("several")], { runs: 1 });
    expect(artifacts.map(({ input }) => input)).toEqual(["f32[N,3,64,64]", "f32[N,3,48,80]"]);
  });

  test("says what other sizes alone have to say, and of which", async () => {
    await writeWeights(at("vit-notices.safetensors"), { model: "test_vit" });
    const { notices } = await compile({
      model: "test_vit",
      out: at("notices"),
      weights: { file: at("vit-notices.safetensors") },
      sizes: [
        [160, 160],
        [96, 160],
      ],
    });
    expect(notices.filter((n) => n.includes("position"))).toEqual([expect.stringMatching(/^size 96x160: /)]);
  });

  test("is not written where the weights are none, but its structure is", async () => {
    const manifest = await tiny("structure", { weights: "none" });
    expect(manifest.files.map((f) => f.path)).not.toContain("model.onnx.data");
    expect(existsSync(join(at("structure"), "model.48x80.onnx"))).toBe(true);
  });

  test("leaves nothing of itself where it is stopped", async () => {
    const controller = new AbortController();
    const stopped = tiny("stopped", {
      signal: controller.signal,
      progress: (text) => {
        if (text === "writing model.48x80.onnx") controller.abort();
      },
    });
    expect(await refusal(stopped)).toMatch(/^interrupted: /);
    expect(readdirSync(at("stopped"))).toEqual([]);
  });
});

describe("a damaged artifact of several sizes", () => {
  /** Changes the manifest, or a file that it then has the hash of. */
  async function damaged(name: string, change: (folder: string, manifest: string) => string): Promise<string> {
    await compileTiny(at(name), {
      inputSize: undefined,
      sizes: [
        [64, 64],
        [48, 80],
      ],
    });
    const path = join(at(name), "manifest.json");
    writeFileSync(path, change(at(name), readFileSync(path, "utf8")));
    return at(name);
  }

  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

  test("fails where the manifest says something else of the second size", async () => {
    const folder = await damaged("macs", (_, text) => {
      const manifest = JSON.parse(text) as { target: { sizes: { macs: number }[] } };
      const [, second] = manifest.target.sizes;
      if (second !== undefined) second.macs += 1;
      return JSON.stringify(manifest);
    });
    const { passed, failure } = await verify(folder);
    expect([passed, failure?.stage]).toEqual([false, "manifest"]);
    expect(failure?.message).toContain("target.sizes.1.macs is recorded as");
  });

  /** Bytes of the second model, written over. */
  const overwritten =
    (from: string, to: string) =>
    (place: string, text: string): string => {
      const path = join(place, "model.48x80.onnx");
      const before = readFileSync(path);
      const after = Buffer.from(before.toString("latin1").replace(from, to), "latin1");
      expect(after.equals(before)).toBe(false);
      writeFileSync(path, after);
      return text.replace(sha256(before), sha256(after));
    };

  test("fails where the second model has other nodes", async () => {
    const { passed, failure } = await verify(await damaged("nodes", overwritten("/Relu", "/ReLU")));
    expect([passed, failure?.stage]).toEqual([false, "artifact"]);
    expect(failure?.message).toMatch(/^model\.48x80\.onnx computes the right outputs, but not with the nodes/);
  });

  test("fails at the size whose model computes something else, and says which", async () => {
    // NodeProto.op_type
    const folder = await damaged("graph", overwritten('"\u0004Relu', '"\u0004Tanh'));
    const { passed, failure, outputs } = await verify(folder);
    expect([passed, failure?.stage]).toEqual([false, "artifact"]);
    expect(failure?.message).toMatch(/^size 48x80: /);
    expect(outputs[0]?.worst_input).toMatch(/ at 48x80$/);
  });

  test("is not opened where it contradicts itself", async () => {
    const twice = await damaged("twice", (_, text) =>
      text.replace('"height": 48', '"height": 64').replace('"width": 80', '"width": 64'),
    );
    expect(await refusal(loadArtifact(twice))).toMatch(/lists "64x64" twice/);
    const other = await damaged("other", (_, text) =>
      text.replace('"model": "model.64x64.onnx"', '"model": "model.48x80.onnx"'),
    );
    expect(await refusal(loadArtifact(other))).toMatch(
      /target\.model is model\.48x80\.onnx and not model\.64x64\.onnx/,
    );
    const missing = await damaged("missing", (_, text) =>
      text.replaceAll('"model": "model.48x80.onnx"', '"model": "model.9x9.onnx"'),
    );
    expect(await refusal(loadArtifact(missing))).toMatch(/files does not list model\.9x9\.onnx/);
  });
});

describe("sizes are refused", () => {
  const square = (side: number): Size => [side, side];
  const cases: readonly (readonly [what: string, request: Partial<CompileRequest>, message: RegExp])[] = [
    ["twice", { sizes: [square(64), [48, 80], square(64)] }, /^usage: --sizes names 64x64 twice/],
    ["none", { sizes: [] }, /^usage: --sizes names 0 sizes\n.*1 to 64/],
    [
      "too many",
      { sizes: Array.from({ length: maxSizes + 1 }, (_, i) => square(64 + i)) },
      /^usage: --sizes names 65 sizes/,
    ],
    ["beside an input size", { sizes: [square(64)], inputSize: [3, 64, 64] }, /^usage: .*with --input-size/],
    ["beside the test size", { sizes: [square(64)], useTestSize: true }, /^usage: .*with --use-test-size/],
    ["beside img_size", { sizes: [square(64)], args: { img_size: 64 } }, /^usage: .*with --arg img_size/],
    ["beside a dynamic size", { sizes: [square(64)], dynamicSize: true }, /^usage: .*with --dynamic-size/],
    [
      "in another layout",
      { sizes: [square(64)], layout: "transformers-js" },
      /^usage: .*with --layout transformers-js/,
    ],
    ["for kernels", { sizes: [square(64)], target: "webgpu" }, /^usage: the target webgpu does not take --sizes 64x64/],
    [
      "that the family does not take",
      { model: "levit_128s", sizes: [square(224), square(200)] },
      /^unsupported: size 200x200 > levit_128s: .*13x13.*\n {2}name 208x208 in its place$/,
    ],
  ];

  test.each(cases)("%s", async (_, request, message) => {
    expect(await refusal(compileTiny(at("refused"), { inputSize: undefined, ...request }))).toMatch(message);
    expect(existsSync(at("refused"))).toBe(false);
  });

  test("where the weights do not fit at one of them", async () => {
    await writeWeights(at("levit.safetensors"), { model: "levit_128s" });
    const asked = { model: "levit_128s", weights: { file: at("levit.safetensors") } };
    const compiled = compileTiny(at("unfit"), { ...asked, inputSize: undefined, sizes: [square(224), square(256)] });
    expect(await refusal(compiled)).toMatch(/^weights: size 256x256 > .*attention_biases/s);
    expect(statSync(at("unfit"), { throwIfNoEntry: false })).toBeUndefined();
  });
});
