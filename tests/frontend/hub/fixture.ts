import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { HubError } from "../../../src/frontend/hub/error.ts";
import { type CachedFile, type FetchOptions, fetchFile } from "../../../src/frontend/hub/hub.ts";
import { type HubSettings, hubSettings } from "../../../src/frontend/hub/settings.ts";
import { type FakeHub, type Fault, type Seen, commit, etagFor, repo, sha256, startHub } from "./fake-hub.ts";

export const token = "hf_tokenThatNobodyMaySee";
export const size = 1_000_000;
export const weights = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
export const config = Buffer.from('{"architecture": "resnet18"}');
export const name = "model.safetensors";
export const digest = sha256(weights);
export const configId = etagFor({ bytes: config, lfs: false });

export let hub: FakeHub;
export let cache = "";

/** A Hub and an empty cache for each test. */
export function useHub(): void {
  beforeEach(async () => {
    hub = await startHub({ [name]: { bytes: weights, lfs: true }, "config.json": { bytes: config, lfs: false } });
    cache = mkdtempSync(join(tmpdir(), "timmc-hub-"));
  });
  afterEach(async () => {
    await hub.close();
    rmSync(cache, { recursive: true, force: true });
  });
}

export const settings = (more: Partial<HubSettings> = {}): HubSettings => ({
  ...hubSettings(cache, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: token, HF_HOME: cache }),
  attempts: 3,
  backoff: 1,
  ...more,
});
export const at = { repo, revision: "main" };
export const fetchWeights = (more: Partial<HubSettings> = {}, options: FetchOptions = {}): Promise<CachedFile> =>
  fetchFile(settings(more), at, name, options);

export const folder = `models--timm--fake`;
export const blob = `${folder}/blobs/${digest}`;
export const partial = `${blob}.timmc.incomplete`;
export const pointer = `${folder}/snapshots/${commit}/${name}`;
export const ref = `${folder}/refs/main`;
export const tag = "CACHEDIR.TAG";

/** What lies in the cache, folders left out: the bytes of a file, or the target of a link. */
export const left = (): string[] =>
  readdirSync(cache, { recursive: true, encoding: "utf8" })
    .filter((place) => !lstatSync(join(cache, place)).isDirectory())
    .sort();
export const bytesOf = (place: string): Buffer => readFileSync(join(cache, place));
/** Whether bytes are the first ones of the weights: typed arrays take `toEqual` seconds. */
export const isBeginning = (bytes: Buffer): boolean => bytes.equals(weights.subarray(0, bytes.length));

export const put = (place: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(join(cache, place)), { recursive: true });
  writeFileSync(join(cache, place), bytes);
};

export async function failureOf(promise: Promise<unknown>): Promise<HubError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof HubError)) throw new Error(`not a HubError: ${String(error)}`);
  const text = `${error.describe()} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  expect(text).not.toContain(token);
  expect(text).not.toContain("SECRET");
  return error;
}

export const whole = [tag, blob, ref, pointer].sort();
export const expectWhole = (file: CachedFile): void => {
  expect(file).toEqual({ path: join(cache, pointer), commit, notices: [] });
  expect(left()).toEqual(whole);
  expect(sha256(bytesOf(blob))).toBe(digest);
  expect(sha256(bytesOf(pointer))).toBe(digest);
};

export const cdnGets = (): Seen[] => hub.seen.filter((s) => s.server === "cdn" && s.method === "GET");
/** The fault of the n-th answer of the CDN; the others are right. */
export const cdnFaults = (...faults: readonly (Fault | undefined)[]): void => {
  let n = 0;
  hub.fault = ({ server }) => (server === "cdn" ? faults[n++] : undefined);
};
