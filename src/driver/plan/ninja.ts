import { version } from "../version.ts";
import type { PlannedVariant, Work } from "./plan.ts";
import { shellWord } from "./shell-words.ts";

interface NinjaOptions {
  readonly command: string;
  /** The file itself, from its own folder; without, it is not written anew when the configuration changes. */
  readonly plan: string | undefined;
}

/**
 * A ninja file with an edge per variant, whose output is the artifact's manifest: that is written last, and `restat` sees
 * where a build left it alone. The version is in the command, so that the plan of another timmc builds anew.
 */
export function ninjaFile(work: Work, { command, plan }: NinjaOptions): string {
  const pools = poolsOf(work);
  const all = work.variants.map((variant) => edge(work, variant, pools));
  return [
    "# Written by timmc plan. Run ninja in this folder; ninja -k 0 goes on behind a variant that fails. Sources that",
    "# changed since they were locked are refused until timmc build --update-lock takes them.",
    "ninja_required_version = 1.8",
    // No escape is a bar: ninja ends a path at one.
    "bar = |",
    "",
    variable("timmc", command),
    variable("config", shellWord(work.config)),
    variable("artifacts", shellWord(work.artifacts)),
    "",
    ...[...pools].flatMap(([name, depth]) => [`pool ${name}`, `  depth = ${depth}`]),
    "",
    "rule variant",
    `  command = $timmc build $config -o $artifacts --only $variant # timmc ${version}`,
    "  description = $variant",
    "  restat = 1",
    "",
    ...(plan === undefined ? [] : regeneration(work, command, plan)),
    ...all,
    ...shardTargets(work),
    `build all: phony ${work.variants.map((variant) => path(outputOf(work, variant))).join(" ")}`,
    "default all",
    "",
  ].join("\n");
}

const outputOf = ({ artifacts }: Work, { name }: PlannedVariant): string =>
  `${artifacts === "." ? "" : `${artifacts}/`}${name}/manifest.json`;

function edge(work: Work, variant: PlannedVariant, pools: ReadonlyMap<string, number>): string {
  const inputs = [work.config, ...variant.inputs].map(path).join(" ");
  const pool = poolName(variant.need);
  return [
    `build ${path(outputOf(work, variant))}: variant ${inputs}`,
    `  ${variable("variant", shellWord(variant.name))}`,
    ...(pools.has(pool) ? [`  pool = ${pool}`] : []),
    "",
  ].join("\n");
}

/** Another configuration may have other variants: ninja writes its own file anew, and begins again. */
function regeneration({ config, shards, memory }: Work, command: string, plan: string): string[] {
  const parts = shards === undefined ? "" : ` --shards ${shards}`;
  const options = `--artifacts $artifacts --memory ${memory} --command $timmc_word${parts}`;
  return [
    variable("timmc_word", shellWord(command)),
    "rule plan",
    `  command = $timmc plan $config --format ninja -o $out ${options}`,
    "  description = plan",
    "  generator = 1",
    "",
    `build ${path(plan)}: plan ${path(config)}`,
    "",
  ];
}

const shardTargets = ({ variants, shards, ...work }: Work): string[] =>
  Array.from({ length: shards ?? 0 }, (_, i) => {
    const own = variants.filter(({ shard }) => shard === i + 1);
    const outputs = own.map((variant) => path(outputOf({ ...work, variants, shards }, variant)));
    return `build shard-${i + 1}: phony ${outputs.join(" ")}\n`;
  });

/** Needs of one power of two share a pool. */
const poolName = (need: number): string => `memory_${2 ** Math.max(8, Math.ceil(Math.log2(need / 2 ** 20)))}m`;

/**
 * How many compiles of each pool run at once, so that all of them together keep to the memory: pools share it as their work
 * is. One always runs.
 */
function poolsOf({ variants, memory }: Work): Map<string, number> {
  const groups = new Map<string, PlannedVariant[]>();
  for (const variant of variants) {
    const name = poolName(variant.need);
    groups.set(name, [...(groups.get(name) ?? []), variant]);
  }
  const all = variants.reduce((sum, { need }) => sum + need, 0);
  return new Map(
    [...groups].map(([name, own]) => {
      const needed = own.reduce((sum, { need }) => sum + need, 0);
      const most = own.reduce((largest, { need }) => Math.max(largest, need), 0);
      return [name, Math.max(1, Math.floor((memory * needed) / all / most))] as const;
    }),
  );
}

/** `name = value`; ninja drops blanks ahead of a value. */
const variable = (name: string, value: string): string =>
  `${name} = ${value.replaceAll("$", "$$$$").replace(/^ /, "$ ")}`;

/** A path in a build line. */
const path = (text: string): string => text.replaceAll(/[$ :]/g, "$$$&").replaceAll("|", "${bar}");
