import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { loadArtifact } from "../src/driver/artifact.ts";
import type { BuildSummary } from "../src/driver/build/summary.ts";
import type { BuildConfig } from "../src/driver/build/variant.ts";
import { buildCache } from "../src/driver/cache/folder.ts";
import { type CacheInventory, cacheInventory } from "../src/driver/cache/inventory.ts";
import { TimmcError } from "../src/ir/error.ts";

export interface BuildBenchOptions {
  readonly models: readonly string[];
  readonly jobs?: number;
  readonly kills: number;
  readonly json?: string;
}

/** What of a matrix is built, and where. */
interface Place {
  readonly folder: string;
  readonly args: readonly string[];
}

/** 40 variants of each model. */
const matrixOf = (models: readonly string[]): BuildConfig => ({
  models,
  weights: "synthetic",
  inputSizes: [128, 160],
  targets: ["onnx", "webgpu"],
  opsets: [17, 18, 19, 20],
  taps: [["logits"], ["features"]],
  preprocess: [false, true],
});

interface Round {
  readonly round: string;
  readonly seconds: number;
  readonly summary: BuildSummary;
}

/** A kill, and what was left. */
interface Kill {
  readonly after: number;
  readonly whole: number;
  readonly damaged: number;
  readonly temporaries: number;
  readonly entries: number;
}

/** Builds a matrix cold, again, and warm, in processes of their own; then kills builds at random points and finishes them. */
export async function benchBuild({ models, jobs, kills, json }: BuildBenchOptions, shell: Shell): Promise<void> {
  const root = mkdtempSync(path.join(tmpdir(), "timmc-bench-"));
  try {
    const args = jobs === undefined ? [] : ["--jobs", String(jobs)];
    const place = newPlace(path.join(root, "whole"), models, args);
    const rounds: Round[] = [];
    for (const round of ["cold", "again", "warm"]) {
      if (round === "warm") rmSync(path.join(place.folder, "out"), { recursive: true });
      shell.status(`${round}: building`);
      rounds.push({ round, ...(await buildOnce(place)) });
    }
    const kept = await cacheInventory(buildCache({ folder: path.join(place.folder, "cache") }));
    shell.print([...roundTable(rounds), "", ...bytesLines(kept, rounds[0])].join("\n"));
    const killed = kills === 0 ? [] : await killRounds(newPlace(path.join(root, "killed"), models, args), kills, shell);
    if (kills > 0) {
      const { summary } = await buildOnce({ folder: path.join(root, "killed"), args });
      shell.print(["", ...killTable(killed), "", finishLine(summary, root)].join("\n"));
    }
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ rounds, kept, killed }, undefined, 2)}\n`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function newPlace(folder: string, models: readonly string[], args: readonly string[]): Place {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "timmc.config.json"), JSON.stringify(matrixOf(models)));
  return { folder, args };
}

function begin({ folder, args }: Place): ReturnType<typeof spawn> {
  const main = JSON.stringify(new URL("../src/cli/main.js", import.meta.url).href);
  const program = `import { main } from ${main}; process.exitCode = await main(process.argv.slice(1));`;
  const command = ["build", "timmc.config.json", "-o", "out", "--build-cache", "cache", "--json", ...args];
  return spawn(process.execPath, ["--input-type=module", "-e", program, ...command], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

async function buildOnce(place: Place): Promise<Omit<Round, "round">> {
  const from = performance.now();
  const child = begin(place);
  const pieces: Buffer[] = [];
  child.stdout?.on("data", (piece: Buffer) => void pieces.push(piece));
  const status = await new Promise((resolve) => child.on("close", resolve));
  const text = Buffer.concat(pieces).toString();
  if (text === "") throw new TimmcError("unsupported", `a build ended with status ${String(status)} and says nothing`);
  const summary = JSON.parse(text) as BuildSummary;
  const wrong = summary.variants.find((v) => v.failure !== null);
  if (wrong !== undefined) throw new TimmcError("unsupported", `${wrong.name}: ${wrong.failure?.message}`);
  return { seconds: (performance.now() - from) / 1000, summary };
}

/** Kills builds of one folder, one after another, each at a random time of its first seconds of work. */
async function killRounds(place: Place, kills: number, shell: Shell): Promise<Kill[]> {
  const killed: Kill[] = [];
  for (let i = 0; i < kills; i++) {
    const after = 0.5 + 4 * Math.random();
    shell.status(`killing the build ${i + 1} of ${kills} after ${after.toFixed(1)} s`);
    const child = begin(place);
    const ended = new Promise((resolve) => child.on("close", resolve));
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000 * after))]);
    child.kill("SIGKILL");
    await ended;
    killed.push({ after, ...(await leftIn(place)) });
  }
  return killed;
}

/** What is in the output and the cache: artifacts that are what their manifests say, or not, and what nobody finished. */
async function leftIn({ folder }: Place): Promise<Omit<Kill, "after">> {
  const names = (place: string): string[] =>
    readdirSync(path.join(folder, place), { recursive: true, encoding: "utf8" }).toSorted();
  const out = names(".").filter((name) => name.startsWith("out"));
  let [whole, damaged] = [0, 0];
  for (const manifest of out.filter((name) => path.basename(name) === "manifest.json"))
    try {
      await loadArtifact(path.join(folder, path.dirname(manifest)));
      whole++;
    } catch {
      damaged++;
    }
  const temporaries = out.filter((name) => /\.tmp$|\.timmc-begun$/.test(name)).length;
  const cached = names(".").filter((name) => name.startsWith("cache"));
  const unfinished = cached.filter((name) => path.basename(path.dirname(name)) === "tmp").length;
  const entries = cached.filter((name) => /entries.*\.json$/.test(name)).length;
  return { whole, damaged, temporaries: temporaries + unfinished, entries };
}

const right = (title: string) => ({ title, align: "right" }) as const;

const roundTable = (rounds: readonly Round[]): string[] =>
  table(
    [
      { title: "build" },
      right("variants"),
      right("s"),
      right("built"),
      right("cached"),
      right("kept"),
      right("failed"),
      right("bytes"),
    ],
    rounds.map(({ round, seconds, summary: { counts, bytes } }) => [
      round,
      String(counts.variants),
      seconds.toFixed(1),
      ...[counts.built, counts.cached, counts.kept, counts.failed].map((n) => String(n ?? 0)),
      byteQuantity(bytes),
    ]),
  );

const bytesLines = ({ stored_bytes, bytes_without_sharing }: CacheInventory, cold: Round | undefined): string[] => [
  `the cache stores ${byteQuantity(stored_bytes)} of ${byteQuantity(bytes_without_sharing)}, ${((100 * stored_bytes) / bytes_without_sharing).toFixed(1)} %`,
  `the artifacts together have ${byteQuantity(cold?.summary.bytes ?? 0)}`,
];

const killTable = (killed: readonly Kill[]): string[] =>
  table(
    [
      right("killed after s"),
      right("whole artifacts"),
      right("damaged"),
      right("unfinished files"),
      right("cache entries"),
    ],
    killed.map(({ after, whole, damaged, temporaries, entries }) => [
      after.toFixed(1),
      ...[whole, damaged, temporaries, entries].map(String),
    ]),
  );

function finishLine({ counts }: BuildSummary, root: string): string {
  const [a, b] = ["whole", "killed"].map((name) => readFileSync(path.join(root, name, "out/build.json"), "utf8"));
  const same =
    a === b ? "the same bytes as the build that nobody killed" : "OTHER BYTES than the build that nobody killed";
  return `then finished: ${counts.built} built, ${counts.cached} cached, ${counts.kept} kept, ${counts.failed} failed; build.json has ${same}`;
}
