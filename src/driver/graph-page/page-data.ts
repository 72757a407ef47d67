import type { KernelReport } from "../kernel-facts.ts";

/**
 * What a page of `inspect --html` is made of, as its JSON holds it: columns of numbers over one table of strings, so that a
 * network of thousands of values is a few hundred kilobytes. Rows and modules are named by their index.
 */
export interface PageData {
  readonly title: string;
  readonly strings: readonly string[];
  readonly modules: ModuleColumns;
  /** The network as timm defines it, with what taps need beside the outputs that were asked for. */
  readonly before: GraphColumns;
  /** What the passes left of it. */
  readonly after: GraphColumns;
  /** The level that `after` is of, as a user spells it. */
  readonly level: string;
  readonly passes: readonly PassData[];
  readonly applications: ApplicationColumns;
  readonly layouts: readonly LayoutData[];
  readonly taps: TapsData;
  readonly command: CommandData;
  /** The kernels of the target that was asked for. */
  readonly kernels: KernelReport | null;
  /** What each op does, by its name. */
  readonly docs: Readonly<Record<string, string>>;
}

/** The module tree, parents first; the first is the root. */
export interface ModuleColumns {
  readonly name: readonly number[];
  readonly parent: readonly number[];
  /** Rows of `before` that each call of the module returned. */
  readonly results: readonly (readonly number[])[];
  /** Their types at the batch of the outputs. */
  readonly resultTypes: readonly (readonly number[])[];
}

/** A row per value, operands before users. Names are indices of strings. */
export interface GraphColumns {
  readonly op: readonly number[];
  readonly module: readonly number[];
  /** Which value of its module path it is, as in its name; of a parameter always 0. */
  readonly repetition: readonly number[];
  /** `f32[N,64,56,56]` */
  readonly type: readonly number[];
  /** Attributes that are not the default, as the textual IR writes them; of a parameter its own name. */
  readonly attrs: readonly number[];
  /** Rules that made it, comma separated. */
  readonly rules: readonly number[];
  /** Per image. */
  readonly macs: readonly number[];
  /** Elements of a parameter, and of nothing else: buffers are no parameters. */
  readonly params: readonly number[];
  /** Of the result, per image; -1 where its size is not known. */
  readonly bytes: readonly number[];
  /** -1 for an absent one. */
  readonly operands: readonly (readonly number[])[];
  /** `weightFlag`, `runsFlag` or 0. */
  readonly flags: readonly number[];
  readonly outputs: readonly { readonly name: string; readonly row: number }[];
  /** By module: the layout of its level; -1 where nothing of it runs. */
  readonly layout: readonly number[];
}

/** One level as ELK placed it: x, y, width, height of each item, then from, to and the corners of each edge. */
export interface LayoutData {
  readonly width: number;
  readonly height: number;
  readonly items: readonly (readonly number[])[];
  readonly edges: readonly (readonly number[])[];
}

interface PassData {
  readonly pass: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly nodes: number;
  readonly macs: number;
}

/** A row per application of a rule, in their order; a pass over the whole graph has one row. */
interface ApplicationColumns {
  readonly rule: readonly number[];
  /** The module whose the result is; -1 for a pass over the whole graph. */
  readonly into: readonly number[];
  /** The modules whose operations it took away or replaced. */
  readonly took: readonly (readonly number[])[];
}

/** One output as the manifest would describe it, and the row of `before` that it is. */
export interface TapOutput {
  readonly name: string;
  readonly dtype: string;
  readonly shape: string;
  readonly module: string | null;
  readonly channels: number | null;
  readonly reduction: number | null;
  readonly format: string | null;
  /** Whether the network's final norm is applied; null where the question does not arise. */
  readonly norm: boolean | null;
  readonly softmax: boolean;
  readonly bytes: number | null;
  readonly row: number;
}

/** A stage or one of timm's calls, tokens beside a stage, attention maps, or what a module returned. */
export type TapKind = "tap" | "prefix" | "attention" | "module";

/** A tap that can be asked for and the outputs that it becomes; without outputs, why it cannot. */
export interface TapChoice {
  readonly tap: string;
  readonly kind: TapKind;
  readonly outputs: readonly TapOutput[];
  readonly refused?: string;
  /** Of stages that the tap `features` selects. */
  readonly isDefault?: boolean;
}

interface TapsData {
  /** Every stage, then `logits`, `pre_logits` and `forward_features`, attention maps, and what else was asked for. */
  readonly choices: readonly TapChoice[];
  /** What the page was made with, in this order; `features` is its stages. */
  readonly asked: readonly string[];
}

/** How the page was asked for, so that it can say how to compile the same. */
export interface CommandData {
  /** Words of the command line behind `timmc compile`, before quoting. */
  readonly words: readonly string[];
  /** The same as a request of the library, in its order. */
  readonly request: Readonly<Record<string, unknown>>;
  /** A folder to propose. */
  readonly out: string;
}
