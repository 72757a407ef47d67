import { expect, test } from "vitest";
import { expectSameNetwork, missing, network, remapped, renamed } from "./network.ts";
import { toFloat32 } from "../../../../src/frontend/weights/load.ts";

const small = { width_list: [8, 8, 8, 32, 32], depth_list: [0, 1, 1, 1, 1], head_widths: [8, 8], num_classes: 3 };

const original = (name: string): string =>
  name
    .replace(/^stem\./, "backbone.input_stem.op_list.")
    .replace(/^stages\.(\d)\./, "backbone.stages.$1.op_list.")
    .replace(".conv_proj.conv.", ".conv_proj.0.")
    .replace(".conv_proj.norm.", ".conv_proj.1.")
    .replace(".pwise.", ".pwise.0.")
    .replace(/^head\.in_conv\./, "head.op_list.0.")
    .replace(/^head\.pre_classifier\./, "head.op_list.2.")
    .replace(/^head\.classifier\./, "head.op_list.3.");

test("CPUBone under its authors' names", async () => {
  const net = await network("cpubone_nano", small);
  expectSameNetwork(net, renamed(net.file, original), "CPUBone");
});

test("a bias before a norm that timm's network lacks is taken off the norm's mean", async () => {
  const net = await network("cpubone_b0_bfrobust", { ...small, fused_conv: false });
  const file = renamed(net.file, original);
  const [mean = ""] = [...net.file.keys()].filter((name) => name.endsWith("inverted_conv.norm.running_mean")).slice(-1);
  const values = toFloat32(remapped(net, file).source.get(mean) ?? expect.unreachable());
  const bias = Float32Array.from(values, (_, i) => i / 8);
  file.set(original(mean).replace(".norm.running_mean", ".conv.bias"), { shape: [bias.length], values: bias });
  const shifted = toFloat32(remapped(net, file).source.get(mean) ?? expect.unreachable());
  expect([...shifted]).toEqual([...values].map((v, i) => Math.fround(v - (bias[i] ?? 0))));
  expect(missing(net, file)).toEqual([]);
  const [depthwise = ""] = [...net.file.keys()].filter((name) => name.endsWith("depth_conv.norm.running_mean"));
  const before = toFloat32(remapped(net, file).source.get(depthwise) ?? expect.unreachable());
  const ones = { shape: [before.length], values: new Float32Array(before.length).fill(1) };
  file.set(original(depthwise).replace(".norm.running_mean", ".conv.1.bias"), ones);
  const after = toFloat32(remapped(net, file).source.get(depthwise) ?? expect.unreachable());
  expect([...after]).toEqual([...before].map((v) => Math.fround(v - 1)));
});
