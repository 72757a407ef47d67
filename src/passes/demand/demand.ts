import type { Graph } from "../../ir/graph.ts";
import { type Value, is } from "../../ir/value.ts";
import { type Box, hull, wholeBox, worthwhile } from "./box.ts";
import { operandBoxes, transferOf } from "./transfer.ts";

/**
 * What the outputs of a graph want of every value that runs with the model, found from the last value to the first: all
 * users of a value are met before the value, so that its demand is final when it is met.
 */
export class Demand {
  /** The boxes that values are to be computed in. A value without one is wanted by nobody. */
  readonly boxes = new Map<Value, Box>();
  private readonly wanted = new Map<Value, Box>();
  private readonly users = new Map<Value, Value[]>();

  /** `visit` sees every wanted linear layer before its box is settled; where it answers true, the layer is gone. */
  constructor(graph: Graph, visit: (value: Value<"linear">, demand: Demand) => boolean) {
    for (const { value } of graph.outputs) this.want(value, wholeBox(value.type));
    for (const value of graph.reversed()) {
      if (value.isWeight || !this.wanted.has(value) || (is(value, "linear") && visit(value, this))) continue;
      const box = this.settled(value);
      this.boxes.set(value, box);
      this.passOn(value, box);
    }
  }

  /** The users that were met so far. */
  usersOf(value: Value): readonly Value[] {
    return this.users.get(value) ?? [];
  }

  /** What is wanted of a value, widened to what its op can compute and to what pays. */
  settled(value: Value): Box {
    const transfer = transferOf(value.op);
    const wanted = this.wanted.get(value);
    return value.type.shape.map((extent, axis) => {
      const span = worthwhile(wanted?.[axis] ?? "all", extent);
      const narrows = span !== "all" && transfer !== undefined && (transfer.free?.(value, axis) ?? true);
      return narrows ? span : "all";
    });
  }

  /** Another value is to stand for this one: it takes over the demand and the users. */
  move(value: Value, by: Value): void {
    const box = this.wanted.get(value);
    if (box !== undefined) this.want(by, box);
    for (const user of this.usersOf(value)) this.use(by, user);
  }

  private passOn(value: Value, box: Box): void {
    const parts = operandBoxes(value, box);
    for (const [i, x] of value.operands.entries()) {
      const part = parts[i];
      if (x === undefined || x.isWeight || part === undefined) continue;
      this.want(x, part);
      this.use(x, value);
    }
  }

  private use(value: Value, user: Value): void {
    const users = this.users.get(value);
    if (users === undefined) this.users.set(value, [user]);
    else users.push(user);
  }

  private want(value: Value, box: Box): void {
    const known = this.wanted.get(value);
    this.wanted.set(value, known === undefined ? box : hull(known, box));
  }
}
