import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fetchFile, fetchFirst } from "../../../src/frontend/hub/hub.ts";
import { type Fault, commit, repo, sha256 } from "./fake-hub.ts";
import {
  at,
  bytesOf,
  cache,
  cdnGets,
  blob,
  config,
  configId,
  digest,
  expectWhole,
  failureOf,
  fetchWeights,
  folder,
  hub,
  left,
  name,
  pointer,
  put,
  ref,
  settings,
  token,
  weights,
  whole,
  useHub,
} from "./fixture.ts";

useHub();

describe("the cache", () => {
  it("is laid out as huggingface_hub does", async () => {
    expectWhole(await fetchWeights());
    expect(readlinkSync(join(cache, pointer))).toBe(`../../blobs/${digest}`);
    expect(readFileSync(join(cache, ref), "utf8")).toBe(commit);
    await fetchFile(settings(), at, "config.json");
    expect(bytesOf(`${folder}/blobs/${configId}`)).toEqual(config);
    expect(hub.seen.map(({ method, server }) => `${method} ${server}`)).toEqual([
      "HEAD hub",
      "GET hub",
      "GET cdn",
      "HEAD hub",
      "GET hub",
    ]);
  });

  it("links from sub-folders as many levels up", async () => {
    hub.files.set("a/b/c.bin", { bytes: config, lfs: true });
    await fetchFile(settings(), at, "a/b/c.bin");
    expect(readlinkSync(join(cache, `${folder}/snapshots/${commit}/a/b/c.bin`))).toBe(
      `../../../../blobs/${sha256(config)}`,
    );
  });

  it("holds copies where links are off", async () => {
    await fetchWeights({ links: false });
    expect(lstatSync(join(cache, pointer)).isSymbolicLink()).toBe(false);
    expect(sha256(bytesOf(pointer))).toBe(digest);
    expect(left()).toEqual(whole);
  });

  it("answers for a commit without the network, and asks once for a branch", async () => {
    await fetchWeights();
    hub.seen.length = 0;
    await fetchFile(settings(), { repo, revision: commit }, name);
    expect(hub.seen).toEqual([]);
    await fetchWeights();
    expect(hub.seen.map((s) => s.method)).toEqual(["HEAD"]);
  });

  it("links a blob that is there to a new commit without a download", async () => {
    await fetchWeights();
    hub.commit = "f".repeat(40);
    hub.seen.length = 0;
    const moved = await fetchWeights();
    expect(moved.commit).toBe(hub.commit);
    expect(hub.seen.map((s) => s.method)).toEqual(["HEAD"]);
    expect(readFileSync(join(cache, ref), "utf8")).toBe(hub.commit);
    expect(left()).toEqual([...whole, `${folder}/snapshots/${hub.commit}/${name}`].sort());
  });

  it("replaces a blob of another length", async () => {
    put(blob, weights.subarray(0, 10));
    expectWhole(await fetchWeights());
  });

  it("is readable where Python wrote it", async () => {
    put(blob, weights);
    put(ref, `${commit}\n`);
    put(pointer, weights);
    const file = await fetchWeights({ offline: true });
    expect(file.path).toBe(join(cache, pointer));
    expect(hub.seen).toEqual([]);
  });
});

describe("the token", () => {
  it("goes to the Hub and never to the CDN", async () => {
    await fetchWeights();
    for (const { server, headers } of hub.seen)
      expect(headers.authorization).toBe(server === "hub" ? `Bearer ${token}` : undefined);
  });

  it("is left out of redirects of questions too", async () => {
    hub.fault = ({ server, method }) =>
      server === "hub" && method === "GET" ? { status: 302, headers: { location: `${hub.cdn}/elsewhere` } } : undefined;
    await failureOf(fetchWeights());
    expect(cdnGets().length).toBeGreaterThan(0);
    for (const { headers } of cdnGets()) expect(headers.authorization).toBeUndefined();
  });

  it("is not seen where settings are printed", () => {
    expect(JSON.stringify(settings())).not.toContain(token);
  });
});

describe("without the network", () => {
  it("offline takes what is cached and asks nothing", async () => {
    await fetchWeights();
    hub.seen.length = 0;
    expect(await fetchWeights({ offline: true })).toEqual({ path: join(cache, pointer), commit, notices: [] });
    expect(hub.seen).toEqual([]);
  });

  it("offline says what is missing", async () => {
    const error = await failureOf(fetchWeights({ offline: true }));
    expect(error.failure).toBe("not-cached");
    expect(error.describe()).toContain("HF_HUB_OFFLINE");
    expect(hub.seen).toEqual([]);
    expect(left()).toEqual([]);
  });

  it.each<[string, Fault]>([
    ["503", { status: 503 }],
    ["no connection", { refuse: true }],
    ["401", { status: 401 }],
    ["gated", { status: 403, headers: { "x-error-code": "GatedRepo" } }],
  ])("%s: the cached copy is used, with a notice, after one question", async (_, fault) => {
    await fetchWeights();
    hub.seen.length = 0;
    hub.fault = () => fault;
    const file = await fetchWeights();
    expect(file).toMatchObject({ path: join(cache, pointer), commit });
    expect(file.notices.join()).toContain("the cached copy of commit 0123456789ab is used");
    expect(hub.seen).toHaveLength(1);
    expect(left()).toEqual(whole);
  });

  it("a file or revision that is gone is believed", async () => {
    await fetchWeights();
    hub.files.delete(name);
    expect((await failureOf(fetchWeights())).failure).toBe("no-file");
  });
});

describe("several names", () => {
  const names = ["model.safetensors", "pytorch_model.bin"] as const;
  it("gives the first that is there, and remembers by commit that one is not", async () => {
    hub.files.delete(name);
    hub.files.set(names[1], { bytes: weights, lfs: true });
    const byCommit = { repo, revision: commit };
    expect((await fetchFirst(settings(), byCommit, names)).path).toContain(names[1]);
    expect(left()).toContain(`${folder}/.no_exist/${commit}/${name}`);
    hub.seen.length = 0;
    await fetchFirst(settings(), byCommit, names);
    expect(hub.seen).toEqual([]);
  });

  it("offline finds the second that is cached", async () => {
    hub.files.delete(name);
    hub.files.set(names[1], { bytes: weights, lfs: true });
    await fetchFirst(settings(), at, names);
    expect((await fetchFirst(settings({ offline: true }), at, names)).path).toContain(names[1]);
  });

  it("tells of the first where there is none", async () => {
    hub.files.clear();
    expect((await failureOf(fetchFirst(settings(), at, names))).message).toContain(name);
  });

  it("tells of the network, not of the cache, where both fail", async () => {
    hub.fault = () => ({ status: 503 });
    expect((await failureOf(fetchFirst(settings(), at, names))).failure).toBe("server");
    expect(hub.seen).toHaveLength(3);
  });

  it("does not take the second where the first is refused", async () => {
    hub.fault = ({ url }) => (url.includes(name) ? { status: 403 } : undefined);
    expect((await failureOf(fetchFirst(settings(), at, names))).failure).toBe("denied");
    expect(hub.seen).toHaveLength(1);
  });
});
