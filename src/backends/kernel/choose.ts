import type { Variable } from "./index-expr.ts";
import type { Plan, Schedule } from "./schedule.ts";
import { type Kernel } from "./build.ts";

/** Threads and registers for a kernel, from the extents of its axes. */
export function chooseSchedule({ tile, group }: Kernel): Schedule {
  const plans: Record<string, Plan> = {};
  const last = tile.axes.at(-1);
  const before = tile.axes.findLast((axis) => axis !== last && axis.extent > 1);
  const vector = last === undefined ? 1 : widest(last.extent);
  const sums = group.root !== undefined && ["conv", "linear", "matmul"].includes(group.root.op);
  const wide = last !== undefined && last.extent % 8 === 0 && sums ? 2 : 1;
  if (group.root?.op === "attention") {
    const e = tile.axes.at(-1) as Variable;
    const attention = {
      [e.name]: { threads: 1, registers: e.extent / widest(e.extent), vector: widest(e.extent) },
      d: { threads: 1, registers: 1, vector: widest(group.root.operands[0]?.type.shape.at(-1) as number) },
      m: { threads: Math.min(32, (before as Variable).extent), registers: 1, vector: 1 },
    } satisfies Schedule["plans"];
    return { plans: attention };
  }
  const rows = before === undefined || !sums ? 1 : Math.min(4, before.extent);
  if (last !== undefined) {
    const columns = last.extent / (vector * wide);
    plans[last.name] = { threads: Math.min(16, floorPower(columns)), registers: wide, vector };
  }
  if (before !== undefined) {
    const left = Math.max(1, Math.floor(64 / (last === undefined ? 1 : (plans[last.name] as Plan).threads)));
    plans[before.name] = {
      threads: Math.min(left, floorPower(Math.ceil(before.extent / rows))),
      registers: rows,
      vector: 1,
    };
  }
  const root = group.root;
  if (root?.op === "conv" || root?.op === "linear") {
    const c = root.operands[1]?.type.shape[1] as number;
    plans["c"] = { threads: 1, registers: 1, vector: widest(c) };
    const window = root.op === "conv" && c === 1;
    if (window) {
      plans["kx"] = { threads: 1, registers: root.operands[1]?.type.shape.at(-1) as number, vector: 1 };
    }
  }
  if (root?.op === "layer_norm")
    plans["c"] = { threads: 1, registers: 1, vector: widest(root.type.shape.at(-1) as number) };
  return { plans };
}

const widest = (extent: number): 1 | 2 | 4 => (extent % 4 === 0 ? 4 : extent % 2 === 0 ? 2 : 1);
const floorPower = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)));
