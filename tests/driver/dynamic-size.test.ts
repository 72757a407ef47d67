import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { inspect } from "../../src/driver/inspect.ts";
import { graphPage } from "../../src/driver/graph-page/graph-page.ts";
import type { Manifest } from "../../src/driver/manifest.ts";
import { runImages, runTensor } from "../../src/driver/run.ts";
import { verify } from "../../src/driver/verify.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { formatNpy, readNpy } from "../../src/runtime/npy.ts";
import { runClient } from "./client/client-module.ts";
import { pictures, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const weights = "synthetic" as const;
let manifest: Manifest;

beforeAll(async () => {
  manifest = await compile({
    model: "test_vit",
    out: at("vit"),
    weights,
    dynamicSize: true,
    taps: ["logits", "features.1"],
  });
});

/** An input of a size. */
const input = (height: number, width: number): { readonly shape: number[]; readonly data: Float32Array } => {
  const shape = [2, 3, height, width];
  return { shape, data: Float32Array.from(syntheticInput(shape)) };
};

/** What `run --tensor` gives at a size. */
async function run(folder: string, height: number, width: number) {
  writeFileSync(at("input.npy"), formatNpy({ dtype: "f32", ...input(height, width) }));
  const { outputs } = await runTensor(at(folder), at("input.npy"), { save: at("saved") });
  return new Map(outputs.map(({ name, file }) => [name, readNpy(join(at("saved"), file ?? ""))]));
}

describe("an artifact of a dynamic size", () => {
  test("says of what its sides are multiples, and costs at the size of pictures", async () => {
    const still = await compile({ model: "test_vit", out: at("still"), weights, taps: ["logits", "features.1"] });
    expect(manifest.request.dynamic_size).toBe(16);
    expect("dynamic_size" in still.request).toBe(false);
    expect(manifest.input.shape).toEqual(["N", 3, "16*H", "16*W"]);
    expect(manifest.target).toMatchObject({ name: "onnx", opset: 18 });
    expect(manifest.outputs.map((o) => o.shape)).toEqual([
      ["N", 1000],
      ["N", 64, "H", "W"],
    ]);
    for (const field of ["macs", "params", "num_classes"] as const) expect(manifest[field]).toEqual(still[field]);
    expect(manifest.outputs.map((o) => [o.macs, o.bytes])).toEqual(still.outputs.map((o) => [o.macs, o.bytes]));
    expect(manifest.macs_optimized).toBeGreaterThan(still.macs_optimized * 0.9);
    expect(manifest.notices.join()).toContain("in multiples of 16; costs are of 160x160");
  });

  test("runs at every multiple and refuses other sizes by name", async () => {
    const outputs = await run("vit", 96, 208);
    expect(outputs.get("features.1")?.shape).toEqual([2, 64, 6, 13]);
    expect(await refusal(run("vit", 96, 200))).toMatch(
      /^usage: .*the tensor is f32\[2,3,96,200\]; the artifact takes f32\[N,3,16\*H,16\*W\]/,
    );
    const [report] = await runImages(at("vit"), [join(pictures, "star-1.png")]);
    expect(report?.outputs.map((o) => o.shape)).toEqual([
      [1, 1000],
      [1, 64, 10, 10],
    ]);
  });

  test("has a client that checks the multiples", async () => {
    const { shape: dims, data } = input(96, 208);
    const outputs = await runClient(at("vit"), ort, { dims, data });
    expect(outputs["logits"]?.data).toEqual((await run("vit", 96, 208)).get("logits")?.data);
    const odd = { dims: [1, 3, 96, 200], data: new Float32Array(3 * 96 * 200) };
    await expect(runClient(at("vit"), ort, odd)).rejects.toThrow(/\[1,3,96,200\]; .*\[N,3,16\*H,16\*W\]/);
  });

  test("is verified at other sizes too", async () => {
    const { passed, inputs } = await verify(at("vit"));
    expect(passed).toBe(true);
    const shapes = new Set(inputs.map(({ shape }) => shape.slice(2).join("x")));
    expect([...shapes]).toEqual(["160x160", "160x192", "208x160"]);
  });

  test("takes pixels, and the layout of transformers.js", async () => {
    const dynamic = { model: "test_resnet", weights, dynamicSize: 32 } as const;
    const pixels = await compile({ ...dynamic, out: at("pixels"), preprocess: true });
    expect(pixels.input.shape).toEqual(["N", "32*H", "32*W", 3]);
    expect((await verify(at("pixels"))).passed).toBe(true);
    const hub = await compile({ ...dynamic, out: at("hub"), layout: "transformers-js" });
    expect(hub.input.shape).toEqual(["N", 3, "32*H", "32*W"]);
  });

  test("is the same bytes again", async () => {
    const again = await compile({
      model: "test_vit",
      out: at("again"),
      weights,
      dynamicSize: 16,
      taps: ["logits", "features.1"],
    });
    expect(again.files).toEqual(manifest.files);
  });
});

describe("inspect", () => {
  test("has symbolic shapes, and the costs of the size of pictures", async () => {
    const [open, still] = [
      await inspect({ model: "test_resnet", dynamicSize: 32 }),
      await inspect({ model: "test_resnet" }),
    ];
    expect(open.input.shape).toEqual([null, 3, null, null]);
    expect(open.input_dims).toEqual(["N", 3, "32*H", "32*W"]);
    expect(open.macs).toBe(still.macs);
    expect(open.features.map(({ macs, bytes }) => [macs, bytes])).toEqual(
      still.features.map(({ macs, bytes }) => [macs, bytes]),
    );
    expect(open.features.at(-1)?.shape.slice(2)).toEqual(["H", "W"]);
  });

  test("draws a page", async () => {
    const { data } = await graphPage({ model: "test_resnet", dynamicSize: 32, weights });
    expect(data.command.words).toEqual(expect.arrayContaining(["--dynamic-size", "32"]));
    expect(data.after.macs.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
  });
});

describe("what is refused", () => {
  const asked = (request: object): Promise<string> =>
    refusal(inspect({ model: "test_vit", dynamicSize: true, ...request }));

  test("networks of one size, with the reason and what to do", async () => {
    expect(await asked({ model: "cait_xxs24_224" })).toMatch(
      /^unsupported: cait_xxs24_224: the network does not take every size: pos_embed is added as it is: .*\n.* --sizes/,
    );
    expect(await asked({ model: "sebotnet33ts_256" })).toMatch(
      /^unsupported: sebotnet33ts_256 > stages\.1\.2\.self_attn: /,
    );
  });

  test("positions that timm does not interpolate at one of the sizes", async () => {
    const args = { img_size: [128, 512] };
    expect(await asked({ args, inputSize: [3, 128, 512] })).toContain(
      "the positions of 8x32 patches as they are for 16x16",
    );
    expect(
      (await inspect({ model: "test_vit", dynamicSize: true, args: { img_size: [128, 256] } })).macs,
    ).toBeGreaterThan(0);
  });

  test("a multiple that is too small, with one that is not", async () => {
    expect(await asked({ dynamicSize: 8 })).toContain("does not take every multiple of 8");
    expect(await asked({ dynamicSize: 8 })).toContain("Use --dynamic-size 16.");
    expect(await asked({ model: "hrnet_w18_small", dynamicSize: 4 })).toContain("Use --dynamic-size 32.");
  });

  test("a size of pictures that is no multiple", async () => {
    expect(await asked({ dynamicSize: 64 })).toMatch(/160x160, .* is no multiple of 64/);
    expect(await asked({ dynamicSize: 64 })).toContain("--input-size 3,192,192");
  });

  test("an operator set without antialiasing, and kernels", async () => {
    const request = { model: "test_vit", out: at("x"), weights, dynamicSize: true } as const;
    expect(await refusal(compile({ ...request, opset: 17 }))).toContain("--opset 18");
    expect(await refusal(compile({ ...request, target: "webgpu" }))).toContain("does not take --dynamic-size");
  });
});
