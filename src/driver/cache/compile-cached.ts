import { refuseInterrupted } from "../../backends/interrupt.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Certificate } from "../certificate.ts";
import { type CompileRequest, compileFiles } from "../compile.ts";
import type { Manifest } from "../manifest.ts";
import type { BuildCache } from "./folder.ts";
import { type RequestKey, requestKey } from "./key.ts";
import { restoreArtifact } from "./restore.ts";
import { storeArtifact } from "./store.ts";

/** An artifact that is in its folder now. */
export interface CachedCompile {
  readonly manifest: Manifest;
  /** Whether it was taken from the cache. */
  readonly hit: boolean;
  /** Under which it is kept; undefined for a request that never is. */
  readonly key: string | undefined;
  /** Of an earlier verification of the same bytes, which is in the folder too. */
  readonly certificate: Certificate | undefined;
}

/**
 * As `compile`, from the cache where it has the artifact, byte for byte the same; else it is compiled and kept. `known` is
 * the request's key for callers that have it. Throws TimmcError as `compile` does: nothing that is wrong of the cache
 * stops a compile.
 */
export async function compileCached(
  cache: BuildCache,
  request: CompileRequest,
  known?: Pick<RequestKey, "key" | "hashes">,
): Promise<CachedCompile> {
  const keyed = known ?? (await keyOrNone(request));
  if (keyed === undefined) return { ...(await compileFiles(request)), hit: false, key: undefined };
  const { key, hashes } = keyed;
  const restored = await restoreArtifact(cache, key, request.out, request);
  if (restored !== undefined) return { ...restored, hit: true, key };
  refuseInterrupted(request.signal);
  const compiled = await compileFiles(request);
  const { weights, config_sha256 } = compiled.manifest.source;
  if (weights.sha256 === hashes.weights && config_sha256 === hashes.config)
    await storeArtifact(cache, key, request.out, compiled, request.signal);
  else cache.note("the artifact is not kept: its weights or config.json changed meanwhile");
  return { manifest: compiled.manifest, hit: false, key, certificate: compiled.certificate };
}

/** What is wrong of a request, the compile tells in its own order. */
async function keyOrNone(request: CompileRequest): Promise<RequestKey | undefined> {
  try {
    return await requestKey(request);
  } catch (error) {
    if (error instanceof TimmcError && error.code !== "interrupted") return undefined;
    throw error;
  }
}
