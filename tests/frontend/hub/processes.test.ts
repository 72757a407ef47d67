import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LockTimes, withLock } from "../../../src/frontend/hub/lock.ts";
import { commit, repo, sha256 } from "./fake-hub.ts";
import {
  blob,
  bytesOf,
  cache,
  cdnGets,
  digest,
  expectWhole,
  fetchWeights,
  hub,
  isBeginning,
  left,
  name,
  partial,
  tag,
  useHub,
  whole,
} from "./fixture.ts";

useHub();

const built = join(import.meta.dirname, "../../../dist/frontend/hub");
const script = `
import { fetchFile } from ${JSON.stringify(`file://${built}/hub.js`)};
import { hubSettings } from ${JSON.stringify(`file://${built}/settings.js`)};
const file = await fetchFile(hubSettings(), { repo: ${JSON.stringify(repo)}, revision: "main" }, ${JSON.stringify(name)});
console.log(file.path);
`;

const start = (prefix = ""): ChildProcess =>
  spawn("bash", ["-c", `${prefix} exec "$0" --input-type=module -e "$1"`, process.execPath, script], {
    env: { PATH: process.env["PATH"], HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_HOME: cache },
    stdio: ["ignore", "pipe", "pipe"],
  });

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let out = "";
  let err = "";
  child.stdout?.on("data", (text) => (out += String(text)));
  child.stderr?.on("data", (text) => (err += String(text)));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, out: out.trim(), err };
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((done) => setTimeout(done, 10));
}

describe("processes", () => {
  it("three at once download the file once", async () => {
    hub.fault = ({ server }) => (server === "cdn" ? { slow: 20 } : undefined);
    const results = await Promise.all([start(), start(), start()].map(ended));
    for (const { code, out, err } of results) {
      expect(err).toBe("");
      expect({ code, out }).toEqual({ code: 0, out: join(cache, `models--timm--fake/snapshots/${commit}/${name}`) });
    }
    expect(cdnGets()).toHaveLength(1);
    expect(left()).toEqual(whole);
    expect(sha256(bytesOf(blob))).toBe(digest);
  });

  it("one that is killed leaves a beginning and a lock, which the next takes away", async () => {
    hub.fault = ({ server, headers }) => (server === "cdn" && headers.range === undefined ? { slow: 50 } : undefined);
    const child = start();
    const end = ended(child);
    await until(() => existsSync(join(cache, partial)) && bytesOf(partial).length > 200_000);
    child.kill("SIGKILL");
    await end;
    expect(left()).toEqual([`.locks/models--timm--fake/${digest}.timmc.lock`, tag, partial].sort());
    expect(isBeginning(bytesOf(partial))).toBe(true);
    expectWhole(await fetchWeights());
    expect(cdnGets()[1]?.headers.range).toMatch(/^bytes=\d{6}-$/);
  });

  it.skipIf(process.platform === "win32")("one whose disk is full keeps what fits and says so", async () => {
    const { code, err } = await ended(start("ulimit -f 300;"));
    expect(code).not.toBe(0);
    expect(err).toContain("the disk has no room left");
    expect(left()).toEqual([tag, partial].sort());
    expect(isBeginning(bytesOf(partial))).toBe(true);
    expect(bytesOf(partial).length).toBeLessThanOrEqual(307_200);
    expectWhole(await fetchWeights());
  });
});

describe("a lock", () => {
  const times: LockTimes = { heartbeat: 20, stale: 300, poll: 5 };
  const path = (): string => join(cache, ".locks/a/b.lock");
  const leave = (text: string, age: number): void => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(path(), text);
    utimesSync(path(), new Date(Date.now() - age), new Date(Date.now() - age));
  };

  it("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    const enter = (): Promise<void> =>
      withLock(path(), { times }, async () => {
        most = Math.max(most, ++inside);
        await new Promise((done) => setTimeout(done, 5));
        inside--;
      });
    await Promise.all(Array.from({ length: 20 }, enter));
    expect(most).toBe(1);
    expect(existsSync(path())).toBe(false);
  });

  it.each([
    ["of a process that is gone", JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }), 0],
    ["of another host without a sign of life", JSON.stringify({ pid: 1, host: "elsewhere" }), 1000],
    ["with nothing in it", "", 1000],
    ["with other text in it", "null", 1000],
  ])("%s is taken away", async (_, text, age) => {
    leave(text, age);
    expect(await withLock(path(), { times }, async (isMine) => isMine())).toBe(true);
    expect(existsSync(path())).toBe(false);
  });

  it("is kept alive by its holder, however long that works", async () => {
    const patient = { ...times, stale: 2500 };
    const order: string[] = [];
    const first = withLock(path(), { times: patient }, async () => {
      await new Promise((done) => setTimeout(done, 3500));
      order.push("first");
    });
    await withLock(
      path(),
      { times: patient, onWait: () => order.push("waits") },
      async () => void order.push("second"),
    );
    await first;
    expect(order).toEqual(["waits", "first", "second"]);
  });

  it("that was taken over is not taken away by the one that lost it", async () => {
    await withLock(path(), { times }, async (isMine) => {
      leave("another's", 0);
      expect(isMine()).toBe(false);
    });
    expect(readFileSync(path(), "utf8")).toBe("another's");
  });

  it("ends waiting by the signal", async () => {
    leave(JSON.stringify({ pid: process.pid, host: hostname() }), 0);
    const body = withLock(
      path(),
      { times: { ...times, stale: 60_000 }, signal: AbortSignal.timeout(50) },
      async () => {},
    );
    await expect(body).rejects.toMatchObject({ code: "interrupted" });
    expect(existsSync(path())).toBe(true);
  });

  it("in a folder that cannot be made is refused", async () => {
    writeFileSync(join(cache, ".locks"), "");
    await expect(withLock(path(), { times }, async () => {})).rejects.toMatchObject({ failure: "disk" });
  });
});
