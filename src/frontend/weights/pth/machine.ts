import { type Refuse, shown } from "../file.ts";
import type { Cursor } from "./cursor.ts";
import { globalName } from "./globals.ts";
import { type DictValue, type GlobalValue, type ListValue, type Value, describeValue } from "./values.ts";

/** What names stand for. Nothing is ever imported or run: a call is a rule that builds data, or a refusal. */
export interface Meaning {
  /** `charge` is told of work beyond one step. */
  call(callee: GlobalValue, args: readonly Value[], charge: (items: number) => void): Value;
  /** A persistent id: torch's storages. */
  persistent(id: Value): Value;
}

/** Containers, their entries, calls, texts and memo entries of one pickle: state dicts of thousands of tensors stay far below. */
const MAX_OBJECTS = 1_000_000;
/** What an empty dictionary takes, in the memory of other objects. */
const DICT_COST = 4;
const MAX_MARKS = 10_000;
/** torch hands over the items of a list or dictionary a thousand at a time. */
const MAX_STACK = 1_000_000;

/** The stack machine of pickle: a stack with marks, and a memo. */
export class Machine {
  readonly cursor: Cursor;
  readonly refuse: Refuse;
  readonly #meaning: Meaning;
  readonly #stack: Value[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Value>();
  #objects = 0;

  constructor(cursor: Cursor, meaning: Meaning, refuse: Refuse) {
    this.cursor = cursor;
    this.#meaning = meaning;
    this.refuse = refuse;
  }

  push(value: Value): void {
    if (isKind(value, "dict")) this.#charge(DICT_COST);
    else if (value !== null && typeof value !== "number" && typeof value !== "boolean") this.#charge(1);
    this.repeat(value);
  }

  /** A value that exists already. */
  repeat(value: Value): void {
    if (this.#stack.length >= MAX_STACK) this.refuse(`the pickle has more than ${MAX_STACK} values at once`);
    this.#stack.push(value);
  }

  pop(): Value {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) return this.refuse("the pickle takes from an empty stack");
    const value = this.#stack.pop();
    return value === undefined ? this.refuse("the pickle takes from an empty stack") : value;
  }

  top(): Value {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    if (this.#marks.length >= MAX_MARKS) this.refuse(`the pickle is nested more than ${MAX_MARKS} deep`);
    this.#marks.push(this.#stack.length);
  }

  /** POP takes a mark where one is on top. */
  discard(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  /** Everything above the last mark. */
  popMarked(): Value[] {
    const from = this.#marks.pop();
    return from === undefined
      ? this.refuse("the pickle takes up to a mark that was not set")
      : this.#stack.splice(from);
  }

  popText(): string {
    const value = this.pop();
    return typeof value === "string" ? value : this.refuse(`a name in the pickle is ${describeValue(value)}`);
  }

  put(index: number): void {
    this.#charge(1);
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    this.repeat(value === undefined ? this.refuse(`the pickle recalls entry ${index}, which it never stored`) : value);
  }

  pushGlobal(module: string, name: string): void {
    this.push({ kind: "global", name: globalName(module, name) });
  }

  /** REDUCE and NEWOBJ: the callee below its arguments. */
  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (callee === null || typeof callee !== "object" || callee.kind !== "global") {
      this.refuse(`the pickle calls ${describeValue(callee)}`);
    }
    if (args === null || typeof args !== "object" || args.kind !== "tuple") {
      this.refuse(`the pickle calls ${shown(callee.name)} with ${describeValue(args)} instead of a tuple`);
    }
    this.push(this.#meaning.call(callee, args.items, (items) => this.#charge(items)));
  }

  persistent(): void {
    this.push(this.#meaning.persistent(this.pop()));
  }

  /**
   * State for the value on top. Of an OrderedDict it is `_metadata` (module versions), of opaque data anything: both are
   * dropped. Nothing else that a checkpoint needs takes a state.
   */
  build(): void {
    this.pop();
    const target = this.top();
    if (!isKind(target, "dict") && !isKind(target, "opaque")) {
      this.refuse(`the pickle sets the state of ${describeValue(target)}`);
    }
  }

  append(items: readonly Value[]): void {
    const target = this.top();
    if (isKind(target, "opaque")) return;
    if (!isKind(target, "list")) return this.refuse(`the pickle appends to ${describeValue(target)}`);
    for (const item of items) target.items.push(item);
  }

  /** Keys and values in turn. */
  setItems(items: readonly Value[]): void {
    const target = this.top();
    if (items.length % 2 !== 0) this.refuse("the pickle sets a key without a value");
    if (isKind(target, "opaque")) return;
    if (!isKind(target, "dict")) return this.refuse(`the pickle sets items of ${describeValue(target)}`);
    this.#charge(items.length / 2);
    for (let i = 0; i + 1 < items.length; i += 2) target.entries.set(items[i] ?? null, items[i + 1] ?? null);
  }

  result(): Value {
    const value = this.pop();
    if (this.#stack.length + this.#marks.length > 0) this.refuse("the pickle ends with values left over");
    return value;
  }

  #charge(items: number): void {
    this.#objects += items;
    if (this.#objects > MAX_OBJECTS) this.refuse(`the pickle has more than ${MAX_OBJECTS} objects`);
  }
}

function isKind<K extends "dict" | "list" | "opaque">(value: Value, kind: K): value is Extract<Value, { kind: K }> {
  return typeof value === "object" && value !== null && value.kind === kind;
}

export const newDict = (): DictValue => ({ kind: "dict", entries: new Map() });
export const newList = (): ListValue => ({ kind: "list", items: [] });
