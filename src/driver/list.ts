import { type Coverage, coverageOf } from "../frontend/coverage.ts";
import { dataWords } from "../frontend/names/explain.ts";
import { type Contradiction, validate } from "../frontend/names/validate.ts";
import { type InputSize, hasWeights } from "../frontend/pretrained-cfg.ts";
import {
  benchmarks,
  familyOf,
  listArchitectures,
  listFamilies,
  matchesFilter,
  modelName,
  pretrainedCfg,
  pretrainedTags,
} from "../frontend/registry.ts";
import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import { TimmcError } from "../ir/error.ts";
import type { Family } from "../zoo/family.ts";
import { unsupportedReason } from "../zoo/refused.ts";
import { loadFamily } from "../zoo/registry.ts";
import { type Candidate, type ListConstraints, rowFilter } from "./list-filter.ts";

/** One pretrained tag, or an architecture without tags (`tag` is then ""). */
export interface ListRow {
  readonly architecture: string;
  readonly tag: string;
  readonly family: string;
  readonly supported: boolean;
  /** Why it is not supported; null where it is. */
  readonly reason: string | null;
  /** ImageNet-1k validation accuracy in percent, as timm publishes it; null where it does not. */
  readonly top1: number | null;
  /** Millions. */
  readonly params: number | null;
  /** Billions of multiply-accumulates at the published image size. */
  readonly gmacs: number | null;
  readonly licence: string | null;
  /** Channels, height and width that the weights are for. */
  readonly input_size: InputSize;
  /** The name's words for the data and objectives of its training. */
  readonly data: readonly string[];
  /** The records of timm that the architecture is held to; null where none is on record. */
  readonly coverage: Coverage | null;
}

const sortKeys = ["name", "top1", "params", "gmacs"] as const;
export type SortKey = (typeof sortKeys)[number];

export interface ListRequest extends ListConstraints {
  /** A shell pattern over `architecture.tag`, by timm's rule. */
  readonly pattern?: string | undefined;
  readonly families?: readonly string[] | undefined;
  /** Only rows that have weights. */
  readonly pretrained?: boolean | undefined;
  readonly supported?: boolean | undefined;
  /** Best accuracy first, smallest model first; rows without the number last. Without it timm's order, as with `name`. */
  readonly sort?: SortKey | undefined;
}

/**
 * The registry's rows that a request selects.
 *
 * @throws TimmcError `usage` for a family, licence or word of data that timm does not have.
 */
export async function list(request: ListRequest = {}): Promise<ListRow[]> {
  const wanted = new Set(request.families ?? listFamilies());
  for (const name of wanted) requireFamily(name);
  const holds = rowFilter(request);
  const pairs = listArchitectures()
    .filter((architecture) => wanted.has(familyOf(architecture)))
    .flatMap((architecture) => pretrainedTags(architecture).map((tag) => ({ architecture, tag })))
    .filter(({ architecture, tag }) => matchesFilter(request.pattern ?? "*", architecture, tag))
    .map((pair) => ({
      ...pair,
      cfg: pretrainedCfg(pair.architecture, pair.tag),
      published: benchmarks(modelName(pair.architecture, pair.tag)),
    }))
    .filter(holds);
  const names = [...new Set(pairs.map(({ architecture }) => familyOf(architecture)))];
  const loaded = await Promise.all(names.map(async (name) => [name, await loadFamily(name)] as const));
  const families = new Map(loaded);
  const rows = pairs.flatMap((pair): ListRow[] => {
    const row = rowOf(pair, families.get(familyOf(pair.architecture)));
    const chosen = row.supported || request.supported !== true;
    const trained = request.pretrained !== true || hasWeights(pair.cfg);
    return chosen && trained ? [row] : [];
  });
  return sorted(rows, request.sort ?? "name");
}

/** The names that contradict their pretrained configuration, of the rows with weights that a request selects. */
export interface ContradictionReport {
  /** Names with weights that were checked. */
  readonly checked: number;
  readonly contradictions: readonly Contradiction[];
}

/** Checks names against their configurations. Throws as `list` does. */
export async function listContradictions(request: ListRequest = {}): Promise<ContradictionReport> {
  const rows = await list({ ...request, pretrained: true });
  const contradictions = rows.flatMap(({ architecture, tag }) =>
    validate(architecture, tag, pretrainedCfg(architecture, tag)),
  );
  return { checked: rows.length, contradictions };
}

function requireFamily(name: string): void {
  const known = listFamilies();
  if (known.includes(name)) return;
  throw new TimmcError("usage", `timm has no family ${quote(name)}`, {
    hint: didYouMean(nearNames(name, known)) ?? `The families are ${known.join(", ")}.`,
  });
}

function rowOf({ architecture, tag, cfg, published }: Candidate, family: Family | undefined): ListRow {
  const reason = unsupportedReason(architecture, familyOf(architecture), family);
  return {
    architecture,
    tag,
    family: familyOf(architecture),
    supported: reason === null,
    reason,
    top1: published?.top1 ?? null,
    params: published?.paramsM ?? null,
    gmacs: published?.gmacs ?? null,
    licence: cfg.license,
    input_size: cfg.input_size,
    data: [...dataWords(architecture, tag)],
    coverage: coverageOf(architecture),
  };
}

/** Stable, so that equal numbers keep timm's order. */
function sorted(rows: readonly ListRow[], key: SortKey): ListRow[] {
  if (key === "name") return [...rows];
  const sign = key === "top1" ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [a[key], b[key]];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return sign * (x - y);
  });
}
