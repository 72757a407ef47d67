import type { OpName } from "../../../../src/ir/ops/index.ts";
import type { Attrs } from "../../../../src/ir/value.ts";
import type { Subject } from "./case.ts";
import { dense } from "./dense.ts";
import { elementwise } from "./elementwise.ts";
import { movement } from "./movement.ts";
import { norms } from "./norm.ts";
import { pools } from "./pool.ts";
import { quantized } from "./quantized.ts";
import { recurrent } from "./recurrent.ts";
import { resizes } from "./resize.ts";

export type TestedOp = Exclude<OpName, "input" | "param">;

/** A test subject for every op that computes; a forgotten op does not compile. */
export const subjects: { readonly [N in TestedOp]: Subject<Attrs<N>> } = {
  ...dense,
  ...elementwise,
  ...movement,
  ...norms,
  ...pools,
  ...quantized,
  ...recurrent,
  ...resizes,
};

export const testedOps = Object.keys(subjects).sort() as readonly TestedOp[];
