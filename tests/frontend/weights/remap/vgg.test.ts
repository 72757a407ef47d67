import { expect, test } from "vitest";
import { matchWeights } from "../../../../src/frontend/weights/check.ts";
import { expectSameNetwork, network, remapped, renamed, reshaped } from "./network.ts";

const small = { num_classes: 3, mlp_ratio: 0.001 };

const torchvision = (name: string): string =>
  name
    .replace("pre_logits.fc1", "classifier.0")
    .replace("pre_logits.fc2", "classifier.3")
    .replace("head.fc", "classifier.6");

test.each(["vgg11", "vgg11_bn"])(
  "the names of torchvision's %s, with linear layers for convolutions",
  async (model) => {
    const net = await network(model, small);
    const file = renamed(net.file, torchvision);
    for (const name of ["classifier.0.weight", "classifier.3.weight"]) {
      const plain = file.get(name);
      const [rows = 0] = plain?.shape ?? [];
      if (plain !== undefined) file.set(name, reshaped(plain, [rows, plain.values.length / rows]));
    }
    const { entries } = expectSameNetwork(net, file, "torchvision");
    expect(entries.find((e) => e.name === "pre_logits.fc1.weight")?.steps).toEqual(["reshape"]);
  },
);

test("a layer that torchvision's file lacks is missing, and one of another size stays so", async () => {
  const net = await network("vgg11", small);
  const file = renamed(net.file, (name) => (name === "head.fc.bias" ? undefined : torchvision(name)));
  file.set("classifier.0.weight", { shape: [2, 3], values: new Float32Array(6) });
  const { missing, mismatched } = matchWeights(remapped(net, file).source, net.parameters);
  expect(missing.map((m) => m.name)).toEqual(["head.fc.bias"]);
  expect(mismatched.map((m) => m.name)).toEqual(["pre_logits.fc1.weight"]);
});

test("timm's own names are taken as they are", async () => {
  const net = await network("vgg11", small);
  const { entries } = expectSameNetwork(net, net.file, undefined);
  expect(entries.every((e) => e.steps.length === 0)).toBe(true);
});
