import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { compile } from "../src/driver/compile.ts";
import { refuseInterrupted } from "../src/backends/interrupt.ts";
import { list } from "../src/driver/list.ts";
import { lowerRequest } from "../src/driver/lower-request.ts";
import { TimmcError } from "../src/ir/error.ts";
import { modelBytes } from "./artifacts.ts";

export interface ZooBenchOptions {
  readonly models: string;
  /** How many of the slowest are named. */
  readonly slowest: number;
}

/** What an architecture took, in milliseconds of the process's CPU time. */
interface Cost {
  readonly model: string;
  readonly ms: number;
}

/** Lowers every architecture, then compiles each without weights, and inspects the largest in processes of their own. */
export async function benchZoo({ models, slowest }: ZooBenchOptions, shell: Shell): Promise<void> {
  const rows = await list({ pattern: models, supported: true });
  const sizes = new Map<string, number>();
  for (const { architecture, params } of rows)
    sizes.set(architecture, Math.max(params ?? 0, sizes.get(architecture) ?? 0));
  const names = [...sizes.keys()];
  if (names.length === 0) throw new TimmcError("usage", `no architecture that timmc compiles matches ${models}`);
  const lowered = await each("lower", names, shell, async (model) => void (await lowerRequest({ model })));
  let bytes = 0;
  const compiled = await each("compile --weights none", names, shell, async (model) => {
    const out = mkdtempSync(path.join(tmpdir(), "timmc-bench-"));
    try {
      await compile({ model, weights: "none", out, signal: shell.signal });
      bytes += modelBytes(path.join(out, "model.onnx"));
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
  const largest = names.toSorted((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0)).slice(0, 5);
  shell.print(
    [
      ...summary([lowered, compiled], slowest),
      "",
      `${byteQuantity(bytes)} of ONNX`,
      "",
      ...inspections(largest, shell),
    ].join("\n"),
  );
}

interface Sweep {
  readonly step: string;
  readonly costs: readonly Cost[];
  readonly seconds: number;
  /** Of the process so far, in bytes. */
  readonly peak: number;
}

async function each(
  step: string,
  names: readonly string[],
  shell: Shell,
  body: (model: string) => Promise<void>,
): Promise<Sweep> {
  const costs: Cost[] = [];
  const start = performance.now();
  for (const model of names) {
    refuseInterrupted(shell.signal);
    shell.status(`${step}: ${costs.length + 1} of ${names.length}, ${model}`);
    const before = process.cpuUsage();
    await body(model);
    const { user, system } = process.cpuUsage(before);
    costs.push({ model, ms: (user + system) / 1000 });
  }
  const seconds = (performance.now() - start) / 1000;
  return { step, costs, seconds, peak: 1024 * process.resourceUsage().maxRSS };
}

const right = (title: string) => ({ title, align: "right" }) as const;

function summary(sweeps: readonly Sweep[], slowest: number): string[] {
  const columns = [{ title: "" }, right("architectures"), right("wall s"), right("CPU s"), right("CPU ms each")];
  return table(
    [...columns, right("peak memory"), { title: "slowest, CPU ms" }],
    sweeps.map(({ step, costs, seconds, peak }) => {
      const total = costs.reduce((sum, { ms }) => sum + ms, 0);
      const named = costs.toSorted((a, b) => b.ms - a.ms).slice(0, slowest);
      return [
        step,
        String(costs.length),
        seconds.toFixed(1),
        (total / 1000).toFixed(1),
        (total / costs.length).toFixed(1),
        byteQuantity(peak),
        named.map(({ model, ms }) => `${model} ${ms.toFixed()}`).join(", "),
      ];
    }),
  );
}

/** `timmc inspect` from start to end. */
function inspections(names: readonly string[], shell: Shell): string[] {
  const program = fileURLToPath(new URL("inspect-once.js", import.meta.url));
  const measured = names.map((model) => {
    shell.status(`inspect ${model}`);
    const start = performance.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, model], { encoding: "utf8" });
    if (status !== 0) throw new TimmcError("unsupported", `inspect in a process of its own failed: ${stderr}`);
    const { cpu, peak } = JSON.parse(stdout) as { readonly cpu: number; readonly peak: number };
    return [model, (performance.now() - start).toFixed(), cpu.toFixed(), byteQuantity(1024 * peak)];
  });
  return table([{ title: "inspect" }, right("wall ms"), right("CPU ms"), right("peak memory")], measured);
}
