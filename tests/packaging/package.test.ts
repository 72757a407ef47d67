import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../driver/workspace.ts";
import { type Result, command, node, root } from "./command.ts";

const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const npx = process.platform === "win32" ? "npx.cmd" : "npx";
const place = temporaryFolder();

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed = { filename: "", unpackedSize: 0, files: [] };

beforeAll(async () => {
  mkdirSync(place("tarball"));
  // The build is there already; building again would take it away from the tests that run beside this one.
  const { stdout } = await command(npm, ["pack", "--ignore-scripts", "--json", "--pack-destination", place("tarball")]);
  [packed = packed] = JSON.parse(stdout) as Packed[];
});

describe("the package", () => {
  it("holds what is needed to run, and nothing else", () => {
    const paths = packed.files.map(({ path }) => path);
    const needed =
      /^(?:bin\/[\w-]+\.js|dist\/.+\.(?:js|d\.ts)|data\/.+\.(?:json|md)|data\/labels\/LICENSE|data\/cuda\/[\w.-]+|examples\/.+|[A-Z]+(?:\.md)?|package\.json)$/;
    expect(paths.filter((path) => !needed.test(path))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "bin/timmc.js",
        "dist/index.js",
        "dist/index.d.ts",
        "dist/runtime/webgpu/index.js",
        "dist/frontend/preprocess/index.js",
        "data/cuda/prelude.cuh",
        "data/architectures.json",
        "data/labels/LICENSE",
        "data/labels/in1k.json",
        "data/manifest.schema.json",
        "examples/models/test_resnet.shapes/model.safetensors",
      ]),
    );
    expect(packed.unpackedSize).toBeLessThan(8e6);
  });

  it("has entry points that exist", () => {
    const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
      readonly bin: Readonly<Record<string, string>>;
    };
    const targets = [...Object.values(exports), bin].flatMap((e) => (typeof e === "string" ? [e] : Object.values(e)));
    const paths = new Set(packed.files.map(({ path }) => path));
    expect(targets.filter((target) => !paths.has(target.replace(/^\.\//, "")))).toEqual([]);
  });
});

const model = "local-dir:node_modules/timmc/examples/models/test_resnet.shapes";
const picture = "node_modules/timmc/examples/models/pictures/star-1.png";

describe.each([
  { name: "installed", flags: [] },
  { name: "installed without optional packages", flags: ["--omit=optional"] },
])("$name", ({ name, flags }) => {
  const home = (): string => place(name.replaceAll(" ", "-"));
  let install: Result = { status: 1, stdout: "", stderr: "" };

  beforeAll(async () => {
    mkdirSync(home());
    writeFileSync(join(home(), "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
    install = await command(
      npm,
      ["install", "--no-audit", "--no-fund", ...flags, join(place("tarball"), packed.filename)],
      {
        cwd: home(),
        // The GPU libraries that onnxruntime-node would download are of no use here.
        env: { ONNXRUNTIME_NODE_INSTALL: "skip" },
      },
    );
  }, 300_000);

  /** Skips only where the registry cannot be reached; everything else that npm complains of is a failure. */
  const requireInstall = ({ skip }: TestContext): void => {
    if (
      install.status !== 0 &&
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/.test(install.stderr)
    )
      skip("the npm registry cannot be reached, so the package's dependencies cannot be installed");
    expect(install.status, install.stderr).toBe(0);
  };
  const timmc = (...args: string[]): Promise<Result> =>
    command(npx, ["--no-install", "timmc", ...args], { cwd: home() });

  it("gives npx timmc", async (context) => {
    requireInstall(context);
    const { status, stdout } = await timmc("--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(/compile/);
  });

  it("compiles the bundled model", async (context) => {
    requireInstall(context);
    const { status, stdout } = await timmc("compile", model, "-o", "artifact", "--taps", "logits,features", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ compiler: { name: "timmc" }, num_classes: 10 });
  });

  it(flags.length === 0 ? "classifies a picture with it" : "says how to get what runs it", async (context) => {
    requireInstall(context);
    const { status, stdout, stderr } = await timmc("run", "artifact", picture);
    if (flags.length === 0) {
      expect(stdout).toMatch(/star/);
      expect(status).toBe(0);
    } else {
      expect(stderr).toMatch(/npm install onnxruntime-node/);
      expect(status).toBe(1);
    }
  });

  it.for(["nodenext", "bundler"])("has types under strict settings, %s resolution", async (resolution, context) => {
    requireInstall(context);
    copyFileSync(join(import.meta.dirname, "consumer.ts"), join(home(), "consumer.ts"));
    const compilerOptions = {
      target: "es2023",
      lib: ["es2023"],
      module: resolution === "nodenext" ? "nodenext" : "esnext",
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    };
    writeFileSync(join(home(), "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    const { stdout, status } = await node([join(root, "node_modules/typescript/bin/tsc"), "-p", "."], home());
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});
