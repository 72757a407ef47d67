import { expect } from "vitest";
import { bytesOf, decodeNumbers } from "../../../../src/ir/bytes.ts";
import { matchWeights } from "../../../../src/frontend/weights/check.ts";
import { toFloat32 } from "../../../../src/frontend/weights/load.ts";
import { type Remapped, remapWeights, targetOf } from "../../../../src/frontend/weights/remap/remap.ts";
import type { TensorSpec, WeightSource } from "../../../../src/frontend/weights/source.ts";
import { syntheticSource } from "../../../../src/frontend/weights/synthetic.ts";
import { unwrapped } from "../../../../src/frontend/weights/unwrapped.ts";
import { resolve } from "../../../../src/frontend/resolve.ts";
import { lowerArchitecture } from "../../../../src/zoo/lower.ts";
import type { Remap } from "../../../../src/zoo/remap/remap.ts";

/** A stored tensor of float32 numbers, small enough to be written out. */
export interface Plain {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export type PlainFile = ReadonlyMap<string, Plain>;

/** A network with every parameter's synthetic values under timm's own names. */
export interface Network {
  readonly parameters: readonly TensorSpec[];
  readonly remap: Remap;
  /** Of the pretrained weights that the file is taken for; undefined for a file that a user names. */
  readonly tag?: string | undefined;
  readonly file: PlainFile;
}

type Args = Readonly<Record<string, unknown>>;

/** `args` keep it small: depth, widths. */
export const network = async (model: string, args: Args = {}): Promise<Network> => {
  const { parameters, remap } = await lowered(model, args);
  return { parameters, remap, file: synthetic(parameters) };
};

/**
 * A network that arguments do not make small, with no extent of the parameters `which` above three: for layouts that rename
 * and reshape alone. It has as many blocks as ever.
 */
export async function skeleton(model: string, args: Args = {}, which = /^/): Promise<Network> {
  const { parameters, remap } = await lowered(model, args);
  const small = (shape: readonly number[]): number[] => shape.map((extent) => Math.min(extent, 3));
  const cut = parameters.map((spec) => (which.test(spec.name) ? { ...spec, shape: small(spec.shape) } : spec));
  return { parameters: cut, remap, file: synthetic(cut) };
}

async function lowered(model: string, given: Args): Promise<Pick<Network, "parameters" | "remap">> {
  const { family, architecture, args, inputSize } = await resolve({ model, args: given });
  const { parameters } = lowerArchitecture(family, architecture, args, inputSize);
  // Tables of integers, which follow from the network, have no synthetic values.
  const stored = parameters.filter((p) => p.dtype === "f32" || p.name.endsWith("num_batches_tracked"));
  return { parameters: stored, remap: family.remap(architecture, args) };
}

function synthetic(parameters: readonly TensorSpec[]): PlainFile {
  const source = syntheticSource(parameters);
  return new Map(parameters.map(({ name, shape }) => [name, { shape, values: numbersOf(source, name) }]));
}

const numbersOf = (source: WeightSource, name: string): Float32Array => {
  const data = source.get(name);
  if (data === undefined) throw new Error(`no entry ${name}`);
  return toFloat32(data);
};

export const sourceOf = (file: PlainFile, label = "test.safetensors"): WeightSource => ({
  label,
  keys: () => file.keys(),
  get: (name) => {
    const plain = file.get(name);
    return plain && { dtype: "f32", shape: plain.shape, read: () => bytesOf(plain.values).slice() };
  },
  close: () => {},
});

/** The file under the network's names, as it is opened: without wrappers. */
export function remapped({ parameters, remap, tag }: Network, file: PlainFile): Remapped {
  return remapWeights(unwrapped(sourceOf(file)), remap, targetOf(parameters, tag));
}

/** Expects a file under other names to be found to be the network itself, number by number; gives the remapping. */
export function expectSameNetwork(net: Network, file: PlainFile, layout: string | undefined): Remapped {
  const result = remapped(net, file);
  expect(result.layout?.name).toBe(layout);
  const { missing, mismatched, unexpected } = matchWeights(result.source, net.parameters);
  expect({
    missing: missing.map((m) => m.name),
    mismatched: mismatched.map((m) => m.name),
    unexpected,
  }).toEqual({ missing: [], mismatched: [], unexpected: [] });
  for (const { name } of net.parameters) {
    const data = result.source.get(name);
    expect(data, name).toBeDefined();
    if (data === undefined) continue;
    const values = decodeNumbers("f32", data.read());
    expect(
      Buffer.compare(bytesOf(Float32Array.from(values)), bytesOf(net.file.get(name)?.values ?? values)),
      name,
    ).toBe(0);
  }
  return result;
}

/** The parameters that a file under other names leaves without values. */
export const missing = (net: Network, file: PlainFile): string[] =>
  matchWeights(remapped(net, file).source, net.parameters).missing.map((m) => m.name);

/** Writes entries under other names; `undefined` leaves one out. */
export const renamed = (file: PlainFile, rename: (name: string) => string | undefined): Map<string, Plain> =>
  new Map(
    [...file].flatMap(([name, plain]) => {
      const to = rename(name);
      return to === undefined ? [] : [[to, plain] as const];
    }),
  );

/** [rows, columns] transposed. */
export function transposedPlain({ shape: [rows = 1, columns = 1], values }: Plain): Plain {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) out[(i % columns) * rows + Math.floor(i / columns)] = values[i] ?? 0;
  return { shape: [columns, rows], values: out };
}

/** Equal parts along the first axis. */
export const parts = ({ shape: [rows = 1, ...rest], values }: Plain, count: number): Plain[] =>
  Array.from({ length: count }, (_, i) => ({
    shape: [rows / count, ...rest],
    values: values.slice((i * values.length) / count, ((i + 1) * values.length) / count),
  }));

export const reshaped = ({ values }: Plain, shape: readonly number[]): Plain => ({ shape, values });

/** The shape without its first axes, which are 1. */
export const squeezed = (plain: Plain, axes: number): Plain => reshaped(plain, plain.shape.slice(axes));

export function entry(file: PlainFile, name: string): Plain {
  const plain = file.get(name);
  if (plain === undefined) throw new Error(`no entry ${name}`);
  return plain;
}

/** The name of a Vision Transformer's parameter in the towers of OpenAI's CLIP. */
export const clipName = (name: string): string =>
  name
    .replace("patch_embed.proj", "conv1")
    .replace("pos_embed", "positional_embedding")
    .replace("cls_token", "class_embedding")
    .replace("blocks.", "transformer.resblocks.")
    .replace("norm_pre", "ln_pre")
    .replace(/^norm\./, "ln_post.")
    .replace(/norm([12])/, "ln_$1")
    .replace("qkv.", "in_proj_")
    .replace("attn.proj", "attn.out_proj")
    .replace("mlp.fc1", "mlp.c_fc")
    .replace("mlp.fc2", "mlp.c_proj");
