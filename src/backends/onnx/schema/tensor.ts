import type { OpTable, Row } from "./row.ts";
import { flags, row } from "./row.ts";

/** Opset 21 gave the 4-bit integers to the operators that only move elements. */
const movedAt21 = (since: number, io: string, attributes = ""): Readonly<Record<number, Row>> => ({
  [since]: row(io, "T=any", attributes),
  21: row(io, "T=any|nibble", attributes),
});

const padIo = "data:T pads:i64 constant_value:T? axes:Tind? -> output:T";
const padTypes = "T=any Tind=index";
const padModes = "mode:string=constant|reflect|edge";

const resizeIo = "X:T1 roi:T2? scales:f32? sizes:i64? -> Y:T1";
const resizeTypes = "T1=any T2=ieee";
const coordinates =
  "coordinate_transformation_mode:string=half_pixel|pytorch_half_pixel|align_corners|asymmetric|tf_crop_and_resize";
const resize13 =
  `cubic_coeff_a:float extrapolation_value:float mode:string=nearest|linear|cubic ${flags("exclude_outside")} ` +
  "nearest_mode:string=round_prefer_floor|round_prefer_ceil|floor|ceil";
const resize18 = `${resize13} axes:ints keep_aspect_ratio_policy:string=stretch|not_larger|not_smaller ${flags("antialias")}`;

const gridIo = "X:T1 grid:T2 -> Y:T1";
const grid = `${flags("align_corners")} padding_mode:string=zeros|border|reflection`;

const constant = "value:tensor value_int:int value_ints:ints value_float:float value_floats:floats";
const constantSources = "value<value_int:i64<value_ints:i64<value_float:f32<value_floats:f32";
const constantOneOf = "value|value_int|value_ints|value_float|value_floats";

const scatterIo = "data:T indices:Tind updates:T -> output:T";

/** Operators on shape, position and element type. */
export const tensorOps: OpTable = {
  Reshape: movedAt21(14, "data:T shape:i64 -> reshaped:T", flags("allowzero")),
  Transpose: movedAt21(13, "data:T -> transposed:T", "perm:ints"),
  Flatten: movedAt21(13, "input:T -> output:T", "axis:int"),
  Squeeze: movedAt21(13, "data:T axes:i64? -> squeezed:T"),
  Unsqueeze: movedAt21(13, "data:T axes:i64 -> expanded:T"),
  Identity: movedAt21(16, "input:T -> output:T"),
  Shape: movedAt21(15, "data:T -> shape:i64", "start:int end:int"),
  Size: movedAt21(13, "data:T -> size:i64"),
  Concat: { 13: row("inputs:T* -> concatenated:T", "T=any", "axis:int!") },
  Split: {
    13: row("input:T split:i64? -> outputs:T*", "T=any", "axis:int"),
    18: row("input:T split:i64? -> outputs:T*", "T=any", "axis:int num_outputs:int", "split|num_outputs"),
  },
  Slice: {
    13: row("data:T starts:Tind ends:Tind axes:Tind? steps:Tind? -> output:T", "T=any Tind=index"),
  },
  Gather: { 13: row("data:T indices:Tind -> output:T", "T=any Tind=index", "axis:int") },
  GatherElements: { 13: row("data:T indices:Tind -> output:T", "T=any Tind=index", "axis:int") },
  GatherND: { 13: row("data:T indices:i64 -> output:T", "T=any", "batch_dims:int") },
  ScatterElements: {
    16: row(scatterIo, "T=any Tind=index", "axis:int reduction:string=none|add|mul"),
    18: row(scatterIo, "T=any Tind=index", "axis:int reduction:string=none|add|mul|max|min"),
  },
  ScatterND: {
    16: row("data:T indices:i64 updates:T -> output:T", "T=any", "reduction:string=none|add|mul"),
    18: row("data:T indices:i64 updates:T -> output:T", "T=any", "reduction:string=none|add|mul|max|min"),
  },
  Expand: { 13: row("input:T shape:i64 -> output:T", "T=any") },
  Tile: { 13: row("input:T repeats:i64 -> output:T", "T=any") },
  Pad: {
    13: row("data:T pads:i64 constant_value:T? -> output:T", "T=any", padModes),
    18: row(padIo, padTypes, padModes),
    19: row(padIo, padTypes, `${padModes}|wrap`),
    21: row(padIo, "T=any|nibble Tind=index", `${padModes}|wrap`),
  },
  Trilu: { 14: row("input:T k:i64? -> output:T", "T=any", flags("upper")) },
  SpaceToDepth: { 13: row("input:T -> output:T", "T=any", "blocksize:int!") },
  DepthToSpace: { 13: row("input:T -> output:T", "T=any", "blocksize:int! mode:string=DCR|CRD") },
  Resize: {
    13: row(resizeIo, resizeTypes, `${resize13} ${coordinates}`, "scales|sizes"),
    18: row(resizeIo, resizeTypes, `${resize18} ${coordinates}`, "scales|sizes"),
    19: row(resizeIo, resizeTypes, `${resize18} ${coordinates}|half_pixel_symmetric`, "scales|sizes"),
  },
  GridSample: {
    16: row(gridIo, "T1=ieee|integer|bool T2=ieee", `${grid} mode:string=bilinear|nearest|bicubic`),
    20: row(gridIo, "T1=ieee|integer|bool T2=ieee", `${grid} mode:string=linear|nearest|cubic`),
    22: row(gridIo, "T1=any T2=float", `${grid} mode:string=linear|nearest|cubic`),
  },

  Cast: {
    13: row("input:T1 -> output:T2", "T1=any T2=any<to", "to:int!"),
    19: row("input:T1 -> output:T2", "T1=any T2=any<to", `to:int! ${flags("saturate")}`),
    21: row("input:T1 -> output:T2", "T1=any|nibble T2=any|nibble<to", `to:int! ${flags("saturate")}`),
  },
  CastLike: {
    15: row("input:T1 target_type:T2 -> output:T2", "T1=any T2=any"),
    19: row("input:T1 target_type:T2 -> output:T2", "T1=any T2=any", flags("saturate")),
    21: row("input:T1 target_type:T2 -> output:T2", "T1=any|nibble T2=any|nibble", flags("saturate")),
  },
  Constant: {
    13: row("-> output:T", `T=any<${constantSources}`, constant, constantOneOf),
    21: row("-> output:T", `T=any|nibble<${constantSources}`, constant, constantOneOf),
  },
  ConstantOfShape: {
    9: row("input:i64 -> output:T2", "T2=ieee|integer|bool<value<f32", "value:tensor"),
    20: row("input:i64 -> output:T2", "T2=any<value<f32", "value:tensor"),
    21: row("input:i64 -> output:T2", "T2=any|nibble<value<f32", "value:tensor"),
  },
  EyeLike: {
    9: row("input:T1 -> output:T2", "T1=ieee|integer|bool T2=ieee|integer|bool<dtype<T1", "dtype:int k:int"),
    22: row("input:T1 -> output:T2", "T1=any T2=any<dtype<T1", "dtype:int k:int"),
  },
  Range: { 11: row("start:T limit:T delta:T -> output:T", "T=f32|f64|i16|i32|i64") },
};
