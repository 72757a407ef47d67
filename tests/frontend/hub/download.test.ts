import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fetchFile } from "../../../src/frontend/hub/hub.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { type Fault, type Seen, commit, sha256 } from "./fake-hub.ts";
import {
  at,
  bytesOf,
  cache,
  cdnFaults,
  cdnGets,
  blob,
  config,
  digest,
  expectWhole,
  failureOf,
  fetchWeights,
  folder,
  hub,
  isBeginning,
  left,
  name,
  partial,
  pointer,
  put,
  ref,
  settings,
  size,
  tag,
  weights,
  useHub,
} from "./fixture.ts";

useHub();

describe("a download that is cut", () => {
  it("goes on in the same run, by Range and If-Range", async () => {
    cdnFaults({ cutAfter: 300_000 }, { cutAfter: 200_000 });
    expectWhole(await fetchWeights());
    const [first, second, third] = cdnGets();
    expect(first?.headers.range).toBeUndefined();
    expect(second?.headers.range).toMatch(/^bytes=\d+-$/);
    expect(second?.headers["if-range"]).toBe(`"cdn-${digest.slice(0, 8)}"`);
    const from = (seen?: Seen): number => Number(/\d+/.exec(seen?.headers.range ?? "")?.[0]);
    expect(from(third)).toBeGreaterThan(from(second));
  });

  it("leaves what came, and goes on in the next run", async () => {
    hub.fault = ({ server, headers }) =>
      server === "cdn" ? (headers.range === undefined ? { cutAfter: 300_000 } : { cutAfter: 0 }) : undefined;
    const error = await failureOf(fetchWeights());
    expect(error.failure).toBe("network");
    expect(left()).toEqual([tag, partial].sort());
    const kept = bytesOf(partial);
    expect(kept.length).toBeGreaterThan(0);
    expect(isBeginning(kept)).toBe(true);
    hub.fault = () => undefined;
    hub.seen.length = 0;
    expectWhole(await fetchWeights());
    expect(cdnGets().map((s) => s.headers.range)).toEqual([`bytes=${kept.length}-`]);
  });

  it("begins anew where the server knows no Range", async () => {
    cdnFaults({ cutAfter: 300_000 }, { whole: true });
    expectWhole(await fetchWeights());
  });

  it("begins anew where the file became another one on the way", async () => {
    const other = weights.map((b) => b ^ 1);
    let gets = 0;
    hub.fault = ({ server }) => {
      if (server !== "cdn" || gets++ > 0) return undefined;
      queueMicrotask(() => hub.files.set(name, { bytes: other, lfs: true }));
      return { cutAfter: 300_000 };
    };
    const file = await fetchWeights();
    expect(sha256(readFileSync(file.path))).toBe(sha256(other));
    expect(left()).toEqual([tag, `${folder}/blobs/${sha256(other)}`, ref, pointer].sort());
  });

  it("begins anew where the CDN alone has another etag", async () => {
    cdnFaults({ cutAfter: 300_000, headers: { etag: '"before"' } });
    expectWhole(await fetchWeights());
    expect(cdnGets()[1]?.headers["if-range"]).toBe('"before"');
  });

  it("begins anew where the part that was left is wrong", async () => {
    put(partial, new Uint8Array(1000).fill(7));
    expectWhole(await fetchWeights());
    expect(cdnGets().map((s) => s.headers.range)).toEqual(["bytes=1000-", undefined]);
  });

  it("begins anew where the part that was left is longer than the file", async () => {
    put(partial, new Uint8Array(size + 1));
    expectWhole(await fetchWeights());
  });

  it("only checks and places a part that is whole", async () => {
    put(partial, weights);
    expectWhole(await fetchWeights());
    expect(cdnGets()).toEqual([]);
  });

  it("begins anew where the server does not have the rest", async () => {
    put(partial, weights.subarray(0, 500));
    cdnFaults({ status: 416 });
    expectWhole(await fetchWeights());
  });

  it("begins anew where another part comes than the one asked for", async () => {
    put(partial, weights.subarray(0, 500));
    cdnFaults({ headers: { "content-range": `bytes 7-${size - 1}/${size}` } });
    expectWhole(await fetchWeights());
  });

  it("is not a link that somebody left in its place", async () => {
    const victim = join(cache, "victim");
    writeFileSync(victim, "mine");
    mkdirSync(join(cache, folder, "blobs"), { recursive: true });
    symlinkSync(victim, join(cache, partial));
    await fetchWeights();
    expect(readFileSync(victim, "utf8")).toBe("mine");
    expect(sha256(bytesOf(blob))).toBe(digest);
  });

  it("ends where the server stalls, and keeps what came", async () => {
    hub.fault = ({ server, headers }) =>
      server === "cdn" ? { stallAfter: headers.range === undefined ? 300_000 : 0 } : undefined;
    const error = await failureOf(fetchWeights({ bodyTimeout: 60 }));
    expect(error.failure).toBe("timeout");
    expect(left()).toEqual([tag, partial].sort());
    expect(isBeginning(bytesOf(partial))).toBe(true);
    expect(bytesOf(partial).length).toBeGreaterThan(0);
  });

  it("is waited for where the server is slow but not silent", async () => {
    cdnFaults({ slow: 30 });
    expectWhole(await fetchWeights({ bodyTimeout: 200 }));
  });

  it("is stopped by the signal, and goes on the next time", async () => {
    cdnFaults({ slow: 20 });
    const controller = new AbortController();
    const stopped = fetchWeights(
      {},
      { signal: controller.signal, onBytes: (_, bytes) => bytes > 200_000 && controller.abort() },
    );
    await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
    await expect(stopped).rejects.toBeInstanceOf(TimmcError);
    expect(left()).toEqual([tag, partial].sort());
    const kept = bytesOf(partial);
    expect(isBeginning(kept)).toBe(true);
    hub.seen.length = 0;
    hub.fault = () => undefined;
    expectWhole(await fetchWeights());
    expect(cdnGets()[0]?.headers.range).toBe(`bytes=${kept.length}-`);
  });

  it("is not begun by a signal that has fired", async () => {
    await expect(fetchWeights({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "interrupted" });
    expect(left()).toEqual([]);
  });

  it("renews a signed address that has expired", async () => {
    cdnFaults({ cutAfter: 100_000 }, { status: 403 });
    expectWhole(await fetchWeights());
  });
});

describe("wrong bytes", () => {
  const other = weights.map((b) => b ^ 255);
  it.each<[string, Fault, RegExp]>([
    ["other bytes of the same length", { body: other }, /hash differs/],
    [
      "fewer bytes, and it says so",
      { body: weights.subarray(0, 1000) },
      /has 1000 bytes where the Hub announces 1000000/,
    ],
    ["more bytes, and it says so", { body: Buffer.concat([weights, config]) }, /where the Hub announces/],
    ["more bytes in chunks", { body: Buffer.concat([weights, config]), chunked: true }, /more bytes come than/],
  ])("%s are not kept", async (_, fault, message) => {
    hub.fault = ({ server }) => (server === "cdn" ? fault : undefined);
    const error = await failureOf(fetchWeights());
    expect(error.failure).toBe("content");
    expect(error.message).toMatch(message);
    expect(left()).toEqual([tag]);
  });

  it("fewer bytes in chunks are asked for until it is clear that they do not come", async () => {
    hub.fault = ({ server }) =>
      server === "cdn"
        ? {
            whole: true,
            body: weights.subarray(0, 1000),
            chunked: true,
          }
        : undefined;
    const error = await failureOf(fetchWeights());
    expect(error.failure).toBe("network");
    expect(left()).toEqual([tag, partial].sort());
    expect(bytesOf(partial)).toHaveLength(1000);
  });

  it("a small file is checked by git's id", async () => {
    hub.fault = ({ method }) => (method === "GET" ? { body: Buffer.from('{"architecture": "resnet34"}') } : undefined);
    const error = await failureOf(fetchFile(settings(), at, "config.json"));
    expect(error.failure).toBe("content");
    expect(left()).toEqual([tag]);
  });

  it("an announced size that no disk has is refused before the first byte", async () => {
    hub.fault = ({ method }) =>
      method === "HEAD"
        ? {
            status: 302,
            headers: {
              "x-repo-commit": commit,
              "x-linked-etag": `"${digest}"`,
              "x-linked-size": String(2 ** 52),
              location: hub.cdn,
            },
          }
        : undefined;
    const error = await failureOf(fetchWeights());
    expect(error.failure).toBe("disk");
    expect(error.describe()).toContain("--cache-dir");
    expect(hub.seen).toHaveLength(1);
    expect(left()).toEqual([tag]);
  });

  it("a size above the caller's limit too", async () => {
    const error = await failureOf(fetchWeights({}, { maxBytes: 999_999 }));
    expect(error.failure).toBe("content");
    expect(hub.seen).toHaveLength(1);
    expect(left()).toEqual([]);
  });
});
