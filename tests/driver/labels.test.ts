import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { runImages } from "../../src/driver/run.ts";
import { syntheticNotice } from "../../src/driver/weight-notices.ts";
import { verify } from "../../src/driver/verify.ts";
import { syntheticSource } from "../../src/frontend/weights/synthetic.ts";
import { writeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { cli } from "../cli/run-cli.ts";
import { compileTiny, pictures, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const commit = "0123456789abcdef0123456789abcdef01234567";
const id = "timm/test_resnet.r160_in1k";

/** A place in the Hub's cache as another program left it. */
function cached(path: string): string {
  const file = join(at("hub"), `models--${id.replace("/", "--")}`, path);
  mkdirSync(dirname(file), { recursive: true });
  return file;
}

beforeAll(async () => {
  const { lowered } = await lowerRequest({ model: "test_resnet" });
  const source = syntheticSource(lowered.parameters);
  const tensors = lowered.parameters.map(({ name, shape }) => {
    const tensor = source.get(name);
    if (tensor === undefined) expect.fail();
    return { name, dtype: tensor.dtype, shape, bytes: tensor.read() };
  });
  writeFileSync(cached("refs/main"), commit);
  writeSafetensors(cached(`snapshots/${commit}/model.safetensors`), tensors);
  const pretrained_cfg = { tag: "r160_in1k", input_size: [3, 160, 160], first_conv: "conv1.0", classifier: "fc" };
  const config = { architecture: "test_resnet", num_classes: 1000, pretrained_cfg };
  writeFileSync(cached(`snapshots/${commit}/config.json`), JSON.stringify(config));
});

const access = () => ({ cacheDir: at("hub") });

describe("the classes of an artifact", () => {
  it.each([["test_resnet"], [`hf-hub:${id}`]])("have ImageNet's names with timm's weights: %s", async (model) => {
    const out = at(model.replaceAll(/\W/g, "-"));
    const { labels, license } = await compile({ model, out, ...access() });
    expect([labels?.length, labels?.[0], license]).toEqual([1000, "tench, Tinca tinca", "apache-2.0"]);
    const certificate = await verify(out, access());
    expect([certificate.passed, certificate.failure]).toEqual([true, null]);
    const [report] = await runImages(out, [join(pictures, "star-1.png")]);
    expect(report?.top?.map(({ index, label }) => label === labels?.[index])).toEqual([true, true, true, true, true]);
  });

  it("have none with a user's file, and none without weights", async () => {
    const file = cached(`snapshots/${commit}/model.safetensors`);
    expect((await compileTiny(at("file"), { weights: { file } })).labels).toBeNull();
    expect((await compileTiny(at("synthetic"))).labels).toBeNull();
    expect((await compileTiny(at("none"), { weights: "none" })).labels).toBeNull();
  });

  it("have the names that --cfg gives", async () => {
    const label_names = { 1: "one" };
    expect((await compileTiny(at("named"), { cfg: { label_names } })).labels?.slice(0, 3)).toEqual([null, "one", null]);
  });
});

describe("a licence without commercial use", () => {
  const model = `local-dir:${shapesModel}`;
  const notice =
    /^note: the pretrained weights of test_resnet\.shapes are under cc-by-nc-4\.0, which allows no commerc/m;

  it("is said at compile, kept in the manifest, and confirmed by verify", async () => {
    const { err } = await cli(["compile", model, "-o", at("nc"), "--cfg", "license=cc-by-nc-4.0"]);
    expect(err).toMatch(notice);
    const certificate = await verify(at("nc"), { model });
    expect(certificate.passed).toBe(true);
  });

  it("is nothing to recipe weights", async () => {
    const { notices } = await compileTiny(at("nc-synthetic"), { cfg: { license: "cc-by-nc-4.0" } });
    expect(notices).toEqual([syntheticNotice]);
  });

  it.each([
    ["convnextv2_atto.fcmae_ft_in1k", /^licence +cc-by-nc-4\.0: no commercial use$/m, true],
    ["vit_small_patch16_dinov3.lvd1689m", /^licence +dinov3-license: terms of its own, read them /m, false],
    ["res2net50_14w_8s", /^licence +unknown: nobody states one$/m, false],
    ["csatv2", /^licence +unknown: nobody states one$/m, false],
    ["resnet18", /^licence +apache-2\.0$/m, false],
  ])("is said by info: %s", async (name, line, isSaid) => {
    const { out, err } = await cli(["info", name]);
    expect(out).toMatch(line);
    expect(err.includes("no commercial use")).toBe(isSaid);
  });
});
