import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/**
 * Scores of queries against learned embeddings of the distance along one axis: q [..., L, d] and a table [2 w - 1, d] of
 * the distances -(w - 1) to w - 1 give [..., L, w], where position j of the window lies j - i from query i. The rows of
 * q table^T are shifted by padding and cutting them anew (Ramachandran et al. 2019, arXiv:1906.05909; Music Transformer).
 */
function relativeLogits(s: Scope, q: Value, table: Value): Value {
  const lead = q.type.shape.slice(0, -2);
  const length = s.static(q.type.shape.at(-2) ?? 1, "distances are counted along an axis of known extent");
  const distances = s.static(table.type.shape[0] ?? 1, "the table of distances");
  const window = (distances + 1) / 2;
  const rows = mulDim(...lead);
  const scores = s.matmul(q, s.transpose(table, { perm: [1, 0] }));
  const wider = s.pad(s.reshape(scores, { shape: [rows, length, distances] }), { padding: [0, 0, 0, 0, 0, 1] });
  const flat = s.reshape(wider, { shape: [rows, length * (distances + 1)] });
  const filled = s.pad(flat, { padding: [0, 0, 0, distances - length] });
  const shifted = s.reshape(filled, { shape: [rows, length + 1, distances] });
  const queries = s.slice(shifted, { axis: 1, range: [0, length] });
  const kept = s.slice(queries, { axis: 2, range: [window - 1, distances] });
  return s.reshape(kept, { shape: [...lead, length, window] });
}

/**
 * The bias of relative positions in two dimensions: queries [N, h, w, d] of a grid against a square window, as
 * [N, h w, window window], the sum of the scores along both axes. `height_rel` and `width_rel` are the tables.
 */
export function relativeBias2d(s: Scope, q: Value, window: readonly [number, number]): Value {
  const [n = 1, h = 1, w = 1, d = 1] = q.type.shape;
  const [wh, ww] = window;
  const along = relativeLogits(s, q, s.param("width_rel", [2 * ww - 1, d]));
  const turned = s.transpose(q, { perm: [0, 2, 1, 3] });
  const across = s.transpose(relativeLogits(s, turned, s.param("height_rel", [2 * wh - 1, d])), {
    perm: [0, 2, 1, 3],
  });
  const sum = s.add(s.reshape(across, { shape: [n, h, w, wh, 1] }), s.reshape(along, { shape: [n, h, w, 1, ww] }));
  return s.reshape(sum, { shape: [n, mulDim(h, w), wh * ww] });
}
