import type { Inspection } from "../driver/inspect.ts";
import type { ParamGroup } from "../driver/param-groups.ts";
import type { Colors } from "./shell.ts";
import { table } from "./table.ts";
import { quantity } from "./units.ts";

/** Modules of one group that are named before the rest is counted. */
const shown = 4;

/** The parameters by depth, and what stays to be trained where everything up to a group is frozen. */
export function groupTable({ params, param_groups }: Inspection, kind: "coarse" | "fine", colors: Colors): string[] {
  const groups = param_groups?.[kind] ?? [];
  let before = 0;
  const rows = groups.map((group) => {
    before += group.params;
    const left = params === 0 ? 0 : (100 * (params - before)) / params;
    return [
      String(group.index),
      group.kinds.join(" + "),
      modulesOf(group),
      quantity(group.params),
      `${left.toFixed(1)} %`,
    ];
  });
  const [head = "", ...lines] = table(
    [
      { title: "id", align: "right" },
      { title: "kind" },
      { title: "modules" },
      { title: "params", align: "right" },
      { title: "behind", align: "right" },
    ],
    rows,
  );
  return [
    colors.bold(head),
    ...lines,
    colors.dim(
      "id is timm's layer id; behind is the share of parameters that training keeps when all up to here is frozen",
    ),
  ];
}

function modulesOf({ modules }: ParamGroup): string {
  const rest = modules.length - shown;
  return [...modules.slice(0, shown), ...(rest > 0 ? [`and ${rest} more`] : [])].join(", ");
}
