import { shown } from "../file.ts";
import type { StoredDType } from "../source.ts";

/** What a pickle can be read as: data, and names of things that are never looked up. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | TupleValue
  | ListValue
  | DictValue
  | GlobalValue
  | OpaqueValue
  | StorageValue
  | TensorValue;

interface TupleValue {
  readonly kind: "tuple";
  readonly items: readonly Value[];
}

export interface ListValue {
  readonly kind: "list";
  readonly items: Value[];
}

/** In the order of the file: a later value of the same key takes the place of the first. */
export interface DictValue {
  readonly kind: "dict";
  readonly entries: Map<Value, Value>;
}

/** `module.name` in Python 3's names, such as `torch._utils._rebuild_tensor_v2`. */
export interface GlobalValue {
  readonly kind: "global";
  readonly name: string;
}

/** Data that no weight needs, kept as the words that describe it: what it holds is dropped. */
interface OpaqueValue {
  readonly kind: "opaque";
  readonly what: string;
  /** Set for a tensor that weights are not read from. */
  readonly isTensor?: true;
}

/** A run of a file's storage: `count` elements of `dtype` from element `begin` on; untyped ones count bytes. */
export interface StorageValue {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: StoredDType | "untyped";
  readonly begin: number;
  readonly count: number;
}

/** A view of a storage. Offset and strides count elements of `dtype`; every element lies in the storage. */
export interface TensorValue {
  readonly kind: "tensor";
  readonly storage: StorageValue;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

export const isDict = (value: Value | undefined): value is DictValue =>
  typeof value === "object" && value?.kind === "dict";
export const isTensor = (value: Value): value is TensorValue => typeof value === "object" && value?.kind === "tensor";
/** A tensor that weights are not read from. */
export const isUnreadable = (value: Value): value is OpaqueValue =>
  typeof value === "object" && value?.kind === "opaque" && value.isTensor === true;

/** A value in words, for messages. */
export function describeValue(value: Value): string {
  if (value === null) return "None";
  if (typeof value !== "object") return `a ${typeof value === "bigint" ? "number" : typeof value}`;
  if (value.kind === "opaque") return value.what;
  return value.kind === "global" ? shown(value.name) : `a ${value.kind}`;
}
