// What outputs cost together: stages may lie on each other's way or not, so the union is walked.

/** @typedef {import("./model.js").ValueNode} ValueNode */

/**
 * Everything that the values depend on, counted once.
 *
 * @param {Iterable<ValueNode>} outputs
 */
export function costOf(outputs) {
  const reached = new Set(outputs);
  let macs = 0;
  let params = 0;
  let weightBytes = 0;
  for (const value of reached) {
    macs += value.macs;
    params += value.params;
    if (value.op === "param") weightBytes += value.bytes;
    for (const x of value.operands) if (x !== undefined) reached.add(x);
  }
  return { macs, params, weightBytes, reached };
}
