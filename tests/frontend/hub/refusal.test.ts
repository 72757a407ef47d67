import { describe, expect, it } from "vitest";
import { type FetchOptions, fetchFile } from "../../../src/frontend/hub/hub.ts";
import { type Fault, commit } from "./fake-hub.ts";
import { at, expectWhole, failureOf, fetchWeights, hub, left, name, settings, useHub } from "./fixture.ts";

useHub();

describe("a Hub that does not answer", () => {
  it("is tried again with a word before each try, and the last error counts them", async () => {
    hub.fault = () => ({ status: 503 });
    const tries: string[] = [];
    const onRetry: FetchOptions["onRetry"] = ({ message }, attempt, all) =>
      tries.push(`${message}: ${attempt} of ${all}`);
    const error = await fetchWeights({}, { onRetry }).catch((e: unknown) => e);
    const host = new URL(hub.endpoint).host;
    expect(tries).toEqual([`${host} answers 503: 2 of 3`, `${host} answers 503: 3 of 3`]);
    expect(error).toMatchObject({ failure: "server", message: `${host} answers 503, and so it was 3 times` });
  });

  it("is named with the reason where fetch keeps it to itself", async () => {
    const error = await fetchWeights({ endpoint: "http://127.0.0.1:1", attempts: 1 }).catch((e: unknown) => e);
    expect(error).toMatchObject({ message: expect.stringMatching(/failed \((?:bad port|ECONNREFUSED)\)/) as string });
  });
});

describe("answers that refuse", () => {
  const refusals: readonly [string, Fault, string, RegExp][] = [
    ["401 without a code", { status: 401 }, "no-repo", /shows no repository/],
    [
      "a token that is not valid",
      { status: 401, headers: { "x-error-message": "Invalid credentials in Authorization header" } },
      "denied",
      /HF_HUB_DISABLE_IMPLICIT_TOKEN/,
    ],
    ["403", { status: 403 }, "denied", /owner grants access/],
    [
      "a gated repository",
      { status: 403, headers: { "x-error-code": "GatedRepo" } },
      "gated",
      /Accept its terms at .*\/timm\/fake/,
    ],
    [
      "no repository",
      { status: 404, headers: { "x-error-code": "RepoNotFound" } },
      "no-repo",
      /A private one needs a token/,
    ],
    [
      "no revision",
      { status: 404, headers: { "x-error-code": "RevisionNotFound" } },
      "no-revision",
      /Leave @REVISION out/,
    ],
    [
      "no file",
      { status: 404, headers: { "x-error-code": "EntryNotFound" } },
      "no-file",
      /has no "model.safetensors" at main/,
    ],
    ["a teapot", { status: 418 }, "protocol", /answers 418/],
    ["200 of another server", { status: 200 }, "protocol", /X-Repo-Commit/],
    [
      "a commit that is none",
      { status: 200, headers: { "x-repo-commit": "../../x", etag: '"a"' } },
      "protocol",
      /X-Repo-Commit/,
    ],
    [
      "an etag that leaves the folder",
      { status: 200, headers: { "x-repo-commit": commit, etag: '"../../x"', "x-linked-size": "3" } },
      "protocol",
      /ETag/,
    ],
    [
      "no size",
      { status: 302, headers: { "x-repo-commit": commit, etag: '"a"', location: "http://127.0.0.1:1/x" } },
      "protocol",
      /size/,
    ],
    [
      "a size that is none",
      {
        status: 302,
        headers: { "x-repo-commit": commit, etag: '"a"', "x-linked-size": "1e9", location: "http://127.0.0.1:1/x" },
      },
      "protocol",
      /size/,
    ],
    [
      "a redirect to a file",
      { status: 302, headers: { location: "file:///etc/passwd" } },
      "protocol",
      /not safe to follow/,
    ],
    ["a redirect in a circle", { status: 302, headers: { location: "/loop" } }, "protocol", /in a circle/],
  ];
  it.each(refusals)("%s: nothing is left", async (_, fault, failure, message) => {
    hub.fault = () => fault;
    const error = await failureOf(fetchWeights());
    expect(error.failure).toBe(failure);
    expect(error.describe()).toMatch(message);
    expect(left()).toEqual([]);
    const requests = failure === "protocol" && message.source.includes("circle") ? 11 : 1;
    expect(hub.seen).toHaveLength(requests);
  });

  it("asks with a token where there is none", async () => {
    const error = await failureOf(
      fetchFile(
        settings({ authorization: () => undefined }),
        { repo: "timm/resnet50.a1_in1x", revision: "main" },
        name,
      ),
    );
    expect(error.describe()).toMatch(/Did you mean "timm\/resnet50.a1_in1k".*HF_TOKEN/);
  });

  it.each([
    "../x",
    "/etc/passwd",
    "a/../../x",
    "a//b",
    "C:x",
    "a\\..\\x",
    ".",
    "",
    "a/.",
    "x\0y",
    `${"a".repeat(256)}`,
  ])("the file name %j is refused before a request", async (file) => {
    const error = await failureOf(fetchFile(settings(), at, file));
    expect(error.failure).toBe("protocol");
    expect(hub.seen).toEqual([]);
    expect(left()).toEqual([]);
  });
});

describe("faults that pass", () => {
  it.each<[string, Fault]>([
    ["503", { status: 503 }],
    ["429", { status: 429 }],
    ["429 with Retry-After", { status: 429, headers: { "retry-after": "0" } }],
    ["a refused connection", { refuse: true }],
    ["408", { status: 408 }],
  ])("%s twice on every way", async (_, fault) => {
    const counts = new Map<string, number>();
    hub.fault = ({ server, method }) => {
      const key = `${server} ${method}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return (counts.get(key) ?? 0) <= (server === "cdn" ? 1 : method === "HEAD" ? 2 : 1) ? fault : undefined;
    };
    expectWhole(await fetchWeights());
  });

  it("waits as long as Retry-After says", async () => {
    let first = true;
    hub.fault = () => {
      const fault = first ? { status: 429, headers: { "retry-after": "1" } } : undefined;
      first = false;
      return fault;
    };
    const start = performance.now();
    expectWhole(await fetchWeights());
    expect(performance.now() - start).toBeGreaterThan(950);
  });

  it.each<[string, Fault, string, RegExp]>([
    ["503 for ever", { status: 503 }, "server", /Try again later/],
    ["429 for ever", { status: 429, headers: { "retry-after": "0" } }, "rate", /too many requests/],
    ["429 for an hour", { status: 429, headers: { "retry-after": "3600" } }, "rate", /in 3600 s/],
    ["no connection", { refuse: true }, "network", /failed \(/],
  ])("%s ends with a reason and leaves nothing", async (what, fault, failure, message) => {
    hub.fault = () => fault;
    const error = await failureOf(fetchWeights());
    expect(error.failure).toBe(failure);
    expect(error.describe()).toMatch(message);
    expect(hub.seen).toHaveLength(what.includes("hour") ? 1 : 3);
    expect(left()).toEqual([]);
  });

  it("a Hub that says nothing is not waited for", async () => {
    const error = await failureOf(
      fetchFile(settings({ headTimeout: 50, attempts: 1, endpoint: await silentServer() }), at, name),
    );
    expect(error.failure).toBe("timeout");
    expect(error.message).toContain("sent nothing for 0.05 s");
    expect(left()).toEqual([]);
  });
});

/** Takes connections and never answers; it ends with the test process. */
async function silentServer(): Promise<string> {
  const { createServer } = await import("node:net");
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  server.unref();
  await new Promise((done) => server.once("listening", done));
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
}
