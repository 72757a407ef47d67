import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface ClientTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

export interface LoadOptions {
  readonly size?: string;
  readonly model?: string | URL | Uint8Array;
  readonly data?: string | URL | Uint8Array;
  readonly options?: object;
}

/** An artifact's index.js, as a program without its literal types sees it. */
export interface ClientModule {
  readonly input: object;
  readonly outputs: Readonly<Record<string, object>>;
  readonly labels: readonly (string | null)[] | null;
  load(options: { readonly ort: object } & LoadOptions): Promise<{
    run(input: ClientTensor): Promise<Readonly<Record<string, ClientTensor>>>;
    release(): Promise<void>;
  }>;
}

export const importClient = (folder: string): Promise<ClientModule> =>
  import(pathToFileURL(join(folder, "index.js")).href) as Promise<ClientModule>;

/** Loads, runs once, and frees the session. */
export async function runClient(folder: string, ort: object, input: ClientTensor, options: LoadOptions = {}) {
  const model = await (await importClient(folder)).load({ ort, ...options });
  try {
    return await model.run(input);
  } finally {
    await model.release();
  }
}

type Numbers = { readonly dims: readonly number[]; readonly data: ArrayLike<number> };

/** The largest difference of two tensors as a fraction of the largest number expected; infinite for other shapes. */
export function difference(actual: Numbers | undefined, expected: Numbers | undefined): number {
  if (actual?.dims.join() !== expected?.dims.join()) return Infinity;
  const numbers = Array.from(expected?.data ?? []);
  const largest = numbers.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return numbers.reduce((m, v, i) => Math.max(m, Math.abs(v - (actual?.data[i] ?? Infinity))), 0) / largest;
}
