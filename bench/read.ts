import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { refuseInterrupted } from "../src/backends/interrupt.ts";
import { TimmcError } from "../src/ir/error.ts";
import { estimate, median, quotients } from "./statistics.ts";

const lanes = ["timmc", "plain", "one buffer"] as const;
type Lane = (typeof lanes)[number];

/** 1 GiB of float32: sixty matrices with their biases, as in a transformer, and a head of 64 MiB. */
const shapes = [...Array.from({ length: 60 }, () => [[4096, 1024], [1024]]).flat(), [16_384, 1024]];

export interface ReadBenchOptions {
  readonly runs: number;
}

/** Reads a safetensors file of 1 GiB in processes of their own, in turns, and prints the speeds and the memory. */
export async function benchRead({ runs }: ReadBenchOptions, shell: Shell): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "timmc-bench-"));
  try {
    const file = path.join(folder, "model.safetensors");
    writeTensors(file);
    for (const lane of lanes) readOnce(lane, file);
    const rounds: Record<Lane, Reading>[] = [];
    for (let run = 0; run < runs; run++) {
      refuseInterrupted(shell.signal);
      shell.status(`round ${run + 1} of ${runs}`);
      const order = lanes.map((_, i) => lanes[(i + run) % lanes.length] ?? "plain");
      const readings = new Map(order.map((lane) => [lane, readOnce(lane, file)]));
      rounds.push(Object.fromEntries(readings) as Record<Lane, Reading>);
    }
    shell.print(report(rounds).join("\n"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeTensors(file: string): void {
  let at = 0;
  const entries = shapes.map((shape, i) => {
    const begin = at;
    at += shape.reduce((n, d) => n * d, 4);
    return [`blocks.${i}`, { dtype: "F32", shape, data_offsets: [begin, at] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const descriptor = openSync(file, "w");
  for (const part of [length, header]) writeSync(descriptor, part);
  const piece = Buffer.alloc(1 << 20, "weights ");
  for (let left = at; left > 0;) left -= writeSync(descriptor, piece, 0, Math.min(left, piece.length));
  fsyncSync(descriptor);
  closeSync(descriptor);
}

interface Reading {
  readonly bytes: number;
  readonly ms: number;
  /** KiB */
  readonly peak: number;
}

function readOnce(lane: Lane, file: string): Reading {
  const program = fileURLToPath(new URL("read-once.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, lane, file], { encoding: "utf8" });
  if (status !== 0) throw new TimmcError("io", `reading in a process of its own failed: ${stderr}`);
  return JSON.parse(stdout) as Reading;
}

function report(rounds: readonly Readonly<Record<Lane, Reading>>[]): string[] {
  const speeds = (lane: Lane): number[] => rounds.map(({ [lane]: { bytes, ms } }) => bytes / ms / 1000);
  const titles = ["MB/s", "of plain", "95 %", "peak memory"];
  return table(
    [{ title: "" }, ...titles.map((title) => ({ title, align: "right" }) as const)],
    lanes.map((lane) => {
      const ratio = estimate(quotients(speeds(lane), speeds("plain")));
      const peak = median(rounds.map(({ [lane]: reading }) => 1024 * reading.peak));
      const numbers = [ratio.median, ratio.low, ratio.high].map((n) => n.toFixed(2));
      return [
        lane,
        median(speeds(lane)).toFixed(),
        numbers[0] ?? "",
        numbers.slice(1).join(" to "),
        byteQuantity(peak),
      ];
    }),
  );
}
