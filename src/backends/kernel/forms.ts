import { bindCommon } from "./bind.ts";
import { type WeightRun, withRuns } from "./bindings.ts";
import type { Kernel } from "./build.ts";
import type { Buffer } from "./expr.ts";
import { formOf } from "./form.ts";
import { lower } from "./lower.ts";
import { renamed } from "./rename.ts";
import type { Schedule } from "./schedule.ts";
import type { ThreadKernel } from "./thread.ts";

/** A kernel in threads: the form's, and what its buffers stand for. */
interface Lowered {
  readonly form: string;
  readonly kernel: ThreadKernel;
  /** The tensors of the program, in the order of the kernel's buffers. */
  readonly buffers: readonly Buffer[];
}

/** A kernel as it is printed; its buffers are tensors of the program, or runs of weights by their numbers. */
interface Bound {
  readonly kernel: ThreadKernel;
  readonly sources: readonly (Buffer | number)[];
}

/** What kernels of one form have in common is computed once: a network repeats its blocks. */
export class Forms {
  private readonly legalize: (kernel: ThreadKernel) => ThreadKernel;
  private readonly kernels = new Map<string, ThreadKernel>();
  private readonly bounds = new Map<string, { kernel: ThreadKernel; sources: readonly number[] }>();

  constructor(legalize: (kernel: ThreadKernel) => ThreadKernel) {
    this.legalize = legalize;
  }

  lowered({ tile }: Kernel, schedule: Schedule): Lowered {
    const own = formOf(tile);
    const form = `${own.key}\n${JSON.stringify(schedule)}`;
    const kernel = this.kernels.get(form) ?? this.legalize(lower(own.tile, schedule));
    this.kernels.set(form, kernel);
    // The buffers of an equal form are other objects of the same names.
    const named = new Map([...own.buffers].map(([{ name }, buffer]) => [name, buffer]));
    return { form, kernel, buffers: kernel.buffers.map(({ name }) => named.get(name) as Buffer) };
  }

  /** With its weights in runs. */
  bound({ form, kernel, buffers }: Lowered, runs: readonly WeightRun[]): Bound {
    const members = runs.map((run) => run.members.map((b) => kernel.buffers[buffers.indexOf(b)] as Buffer));
    const key = `${form}\n${members.map((run) => run.map((b) => b.name).join()).join(" ")}`;
    const known = this.bounds.get(key) ?? bind(kernel, members);
    this.bounds.set(key, known);
    const sources = known.sources.map((i) => (i < runs.length ? i : (buffers[i - runs.length] as Buffer)));
    return { kernel: known.kernel, sources };
  }
}

/** The kernel as it is printed; for each of its buffers the number of a run, or that of an own one behind them. */
function bind(
  kernel: ThreadKernel,
  runs: readonly (readonly Buffer[])[],
): { kernel: ThreadKernel; sources: readonly number[] } {
  const joined = withRuns(kernel, runs);
  const sources = joined.kernel.buffers.map((b) => joined.bound.get(b) ?? runs.length + kernel.buffers.indexOf(b));
  return { kernel: renamed(bindCommon(joined.kernel)), sources };
}
