/** Serial blocks of one resolution, and parallel blocks of three (Xu et al. 2021, fig. 4). */
import { type Dim, floorDivDim, scaleDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { dropTokens } from "../layers/tokens.ts";
import type { Module, Scope } from "../scope.ts";
import { type Grid, classToken, convPositions, factorAttention, repeatEntries } from "./attention.ts";
import type { CoatConfig, StageNumber } from "./config.ts";

export const coatNorm = layerNorm(1e-6);

const hidden = (c: CoatConfig, stage: StageNumber): number => {
  const width = c.embed_dims[stage - 1] ?? 1;
  return Math.trunc(width * (c.mlp_ratios[stage - 1] ?? 1)) || width;
};

/** `model` is the scope of the network, which holds what its blocks share. */
export const serialBlock =
  (c: CoatConfig, model: Scope, stage: StageNumber, grid: Grid): Module =>
  (s, x) => {
    const width = c.embed_dims[stage - 1] ?? 1;
    const placed = model.call(`cpe${stage}`, convPositions(grid), x);
    repeatEntries(s, "cpe", { "proj.weight": [width, 1, 3, 3], "proj.bias": [width] });
    const attn = factorAttention(c, model, stage, grid);
    const y = s.add(placed, s.chain(placed, { norm1: coatNorm, factoratt_crpe: attn }));
    return s.add(y, s.chain(y, { norm2: coatNorm, mlp: mlp(hidden(c, stage)) }));
  };

/** The stages that parallel blocks update. */
export const parallelStages = [2, 3, 4] as const;
type Three<T> = Readonly<Record<(typeof parallelStages)[number], T>>;
const each = <T>(make: (stage: (typeof parallelStages)[number]) => T): Three<T> => ({
  2: make(2),
  3: make(3),
  4: make(4),
});

/** The patches on another stage's grid, bilinearly; the class token goes along. */
function toStage(s: Scope, x: Value, grids: Three<Grid>, from: 2 | 3 | 4, to: 2 | 3 | 4): Value {
  const map = toMap(s, dropTokens(s, x, 1), grids[from]);
  const size = grids[from].map((d): Dim =>
    from > to ? scaleDim(d, 2 ** (from - to)) : floorDivDim(d, 2 ** (to - from)),
  );
  const resized = s.resize(map, { axes: [2, 3], size, mode: "linear" });
  return s.concat([classToken(s, x), toTokens(s, resized)], { axis: 1 });
}

/** Fig. 4 (b), with the attended features of the three stages added to each other; one MLP serves all. */
export function parallelBlock(
  s: Scope,
  xs: Three<Value>,
  c: CoatConfig,
  model: Scope,
  grids: Three<Grid>,
): Three<Value> {
  const attended = each((i) =>
    s.chain(xs[i], { [`norm1${i}`]: coatNorm, [`factoratt_crpe${i}`]: factorAttention(c, model, i, grids[i]) }),
  );
  const [two, three, four] = [attended[2], attended[3], attended[4]];
  const moved = (x: Value, from: 2 | 3 | 4, to: 2 | 3 | 4): Value => toStage(s, x, grids, from, to);
  const sums: Three<Value> = {
    2: s.add(s.add(two, moved(three, 3, 2)), moved(four, 4, 2)),
    3: s.add(s.add(three, moved(four, 4, 3)), moved(two, 2, 3)),
    4: s.add(s.add(four, moved(three, 3, 4)), moved(two, 2, 4)),
  };
  const width = c.embed_dims[1] ?? 1;
  const inner = hidden(c, 2);
  const shapes = {
    "fc1.weight": [inner, width],
    "fc1.bias": [inner],
    "fc2.weight": [width, inner],
    "fc2.bias": [width],
  };
  for (const name of ["mlp3", "mlp4"]) repeatEntries(s, name, shapes);
  return each((i) => {
    const y = s.add(xs[i], sums[i]);
    return s.add(y, s.call("mlp2", mlp(inner), s.call(`norm2${i}`, coatNorm, y)));
  });
}
