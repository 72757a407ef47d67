import { shown } from "../file.ts";
import type { StoredDType } from "../source.ts";

/** Python 2's and numpy 2's module names by those of Python 3 and numpy 1. */
const renamed: ReadonlyMap<string, string> = new Map([
  ["__builtin__", "builtins"],
  ["copy_reg", "copyreg"],
  ["numpy._core.multiarray", "numpy.core.multiarray"],
]);

export const globalName = (module: string, name: string): string => `${renamed.get(module) ?? module}.${name}`;

export const refusedCall = (name: string): string =>
  `its pickle calls ${shown(name)}, which is code and not data: nothing of the file is read`;

/** Element types by torch's names; quantised types are not among them. */
const dtypes: ReadonlyMap<string, StoredDType> = new Map<string, StoredDType>([
  ["float64", "f64"],
  ["float32", "f32"],
  ["float16", "f16"],
  ["bfloat16", "bf16"],
  ["int64", "i64"],
  ["int32", "i32"],
  ["int16", "i16"],
  ["int8", "i8"],
  ["uint64", "u64"],
  ["uint32", "u32"],
  ["uint16", "u16"],
  ["uint8", "u8"],
  ["bool", "bool"],
  ["complex64", "c64"],
  ["complex128", "c128"],
  ["float8_e4m3fn", "f8_e4m3"],
  ["float8_e5m2", "f8_e5m2"],
  ["float8_e4m3fnuz", "f8_e4m3fnuz"],
  ["float8_e5m2fnuz", "f8_e5m2fnuz"],
  ["float8_e8m0fnu", "f8_e8m0"],
]);

/** Of `torch.float32` and the like. */
export const dtypeOf = (name: string): StoredDType | undefined =>
  name.startsWith("torch.") ? dtypes.get(name.slice("torch.".length)) : undefined;

const storages: ReadonlyMap<string, StoredDType> = new Map<string, StoredDType>([
  ["DoubleStorage", "f64"],
  ["FloatStorage", "f32"],
  ["HalfStorage", "f16"],
  ["BFloat16Storage", "bf16"],
  ["LongStorage", "i64"],
  ["IntStorage", "i32"],
  ["ShortStorage", "i16"],
  ["CharStorage", "i8"],
  ["ByteStorage", "u8"],
  ["BoolStorage", "bool"],
  ["ComplexFloatStorage", "c64"],
  ["ComplexDoubleStorage", "c128"],
]);

/** Of `torch.FloatStorage`, `torch.cuda.FloatStorage` and the like. */
export function storageDType(name: string): StoredDType | "untyped" | undefined {
  if (name === "torch.storage.UntypedStorage" || name === "torch.UntypedStorage") return "untyped";
  const [, className] = /^torch\.(?:cuda\.)?(\w+)$/.exec(name) ?? [];
  return className === undefined ? undefined : storages.get(className);
}

/**
 * Called for data that no weight needs, such as the arguments and metrics in a training checkpoint: the call is not made,
 * and a description stands in its place.
 */
export const inert: ReadonlySet<string> = new Set([
  "argparse.Namespace",
  "types.SimpleNamespace",
  "yacs.config.CfgNode",
  "collections.Counter",
  "collections.defaultdict",
  "builtins.set",
  "builtins.frozenset",
  "builtins.bytearray",
  "builtins.complex",
  "_codecs.encode",
  "datetime.datetime",
  "datetime.timedelta",
  "pathlib.Path",
  "pathlib.PosixPath",
  "pathlib.PurePosixPath",
  "pathlib.WindowsPath",
  "pathlib.PureWindowsPath",
  "numpy.dtype",
  "numpy.ndarray",
  "numpy.core.multiarray.scalar",
  "numpy.core.multiarray._reconstruct",
  "torch.device",
  "torch.serialization._get_layout",
]);

/** Tensors that weights are not read from, by the function that torch rebuilds them with. */
export const unreadable: ReadonlyMap<string, string> = new Map([
  ["torch._utils._rebuild_qtensor", "a quantised tensor"],
  ["torch._utils._rebuild_sparse_tensor", "a sparse tensor"],
  ["torch._utils._rebuild_meta_tensor_no_storage", "a tensor without data (on torch's meta device)"],
  ["torch._utils._rebuild_wrapper_subclass", "a tensor of a wrapper class"],
  ["torch._utils._rebuild_device_tensor_from_numpy", "a tensor of another device"],
  ["torch._utils._rebuild_device_tensor_from_cpu_tensor", "a tensor of another device"],
]);
