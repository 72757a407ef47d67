import { type Expr, type Local, childrenOf, indexValue, load, localValue } from "./expr.ts";
import {
  type Atom,
  Index,
  add,
  constant,
  div,
  divisorOf,
  indexOf,
  mod,
  offset,
  scale,
  variable,
  variablesOf,
} from "./index-expr.ts";
import { rebuild } from "./rebuild.ts";
import type { Statement, ThreadKernel } from "./thread.ts";

/**
 * Gives names to what a thread computes more than once, and moves out of loops what does not change in them. An expression
 * belongs to the innermost block that defines one of its variables; it is bound there, ahead of its first use, when it is
 * used twice or from a deeper block. Loads are expressions as others, since a thread reads no element of a buffer after it was
 * written; what reads the workgroup's memory, or a register that is still to change, stays where it is. Of an index the
 * terms of outer blocks are bound block by block; what is left at the uses differs by constants.
 */
export function bindCommon(kernel: ThreadKernel): ThreadKernel {
  const blocks = new Map<readonly Statement[], Block>();
  new Walk(blocks, new Count()).block(kernel.body);
  const body = new Walk(blocks, new Rewrite()).block(kernel.body);
  return { ...kernel, body };
}

/** What is known of a list of statements. */
interface Block {
  /** Keys that belong here: how often they are used, and whether from deeper. */
  readonly counts: Map<string, { count: number; deeper: boolean }>;
  readonly bound: Map<string, Expr>;
  readonly out: Statement[];
}

const emptyBlock = (): Block => ({ counts: new Map(), bound: new Map(), out: [] });

/** One of the two passes over the same statements. */
interface Visit {
  expr(x: Expr, at: Scope): Expr;
  index(e: Index, at: Scope): Index;
}

/** The blocks from the outermost to the one at hand, and where names are defined; what may still change is at infinity. */
interface Scope {
  readonly blocks: readonly Block[];
  readonly definitions: ReadonlyMap<string, number>;
  /** No expression moves further out than this, the innermost `if`; integers may, which nothing stops from being computed. */
  readonly floor: number;
}

class Walk {
  private readonly known: Map<readonly Statement[], Block>;
  private readonly visit: Visit;
  private readonly definitions = new Map<string, number>();
  private readonly blocks: Block[] = [];

  constructor(known: Map<readonly Statement[], Block>, visit: Visit) {
    this.known = known;
    this.visit = visit;
  }

  block(statements: readonly Statement[], floor = 0): readonly Statement[] {
    const block = this.known.get(statements) ?? emptyBlock();
    this.known.set(statements, block);
    block.out.length = 0;
    this.blocks.push(block);
    const last = lastAssignments(statements);
    statements.forEach((statement, i) => {
      const scope: Scope = { blocks: [...this.blocks], definitions: this.definitions, floor };
      block.out.push(this.statement(statement, scope, floor));
      for (const [name, at] of last) if (at === i) this.definitions.set(name, this.blocks.length - 1);
    });
    this.blocks.pop();
    return [...block.out];
  }

  private statement(s: Statement, scope: Scope, floor: number): Statement {
    const depth = this.blocks.length - 1;
    switch (s.kind) {
      case "let":
        this.definitions.set(s.local.name, depth);
        return { ...s, value: this.visit.expr(s.value, scope) };
      case "var":
        if (!this.definitions.has(s.local.name)) this.definitions.set(s.local.name, Infinity);
        return { ...s, value: this.visit.expr(s.value, scope) };
      case "assign":
        return { ...s, value: this.visit.expr(s.value, scope) };
      case "index":
        this.definitions.set(s.variable.name, depth);
        return { ...s, value: this.visit.expr(s.value, scope) };
      case "for":
        this.definitions.set(s.variable.name, depth + 1);
        return { ...s, body: this.block(s.body, floor) };
      case "if": {
        const condition = this.visit.expr(s.condition, scope);
        return { ...s, condition, body: this.block(s.body, depth + 1) };
      }
      case "store":
        return { ...s, index: this.visit.index(s.index, scope), value: this.visit.expr(s.value, scope) };
      case "mma": {
        const of = (x: Expr): Expr => this.visit.expr(x, scope);
        return { ...s, a: s.a.map(of), b: s.b.map(of) };
      }
      case "barrier":
      case "commit":
      case "wait":
        return s;
    }
  }
}

/** For each register that is declared in a list: the statement of it that assigns it last. */
function lastAssignments(statements: readonly Statement[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  const see = (list: readonly Statement[], at: number): void => {
    for (const s of list) {
      for (const { name } of assignedBy(s)) if (last.has(name)) last.set(name, at);
      if (s.kind === "for" || s.kind === "if") see(s.body, at);
    }
  };
  statements.forEach((s, i) => {
    if (s.kind === "var") last.set(s.local.name, i);
    see([s], i);
  });
  return last;
}

const assignedBy = (s: Statement): readonly Local[] => (s.kind === "assign" ? [s.local] : s.kind === "mma" ? s.d : []);

/** The depth of the block that an expression belongs to; infinite where it must stay. */
function homeOf(free: Iterable<string>, { definitions, floor }: Scope): number {
  let depth = floor;
  for (const name of free) depth = Math.max(depth, definitions.get(name) ?? 0);
  return depth;
}

/** Names that an expression reads: variables and registers; undefined where it reads what other threads write. */
function readsOf(x: Expr, into: Set<string> = new Set()): Set<string> | undefined {
  if ((x.kind === "load" && x.buffer.space === "workgroup") || x.kind === "shuffle") return undefined;
  if (x.kind === "local") into.add(x.local.name);
  if (x.kind === "index" || x.kind === "load") variablesOf(x.index, into);
  for (const child of childrenOf(x)) if (readsOf(child, into) === undefined) return undefined;
  return into;
}

const isTrivial = (x: Expr): boolean =>
  x.kind === "literal" ||
  x.kind === "local" ||
  x.kind === "component" ||
  (x.kind === "pack" && x.parts.every((part) => part.key === x.parts[0]?.key)) ||
  (x.kind === "index" && isPlain(x.index));

/** A constant or one variable, perhaps with a constant. */
const isPlain = ({ terms }: Index): boolean =>
  terms.length === 0 || (terms.length === 1 && terms[0]?.atom.kind === "variable");

const withoutConstant = (e: Index): Index => offset(e, -e.constant);

/** The scope as it is at an outer block. */
const outTo = (scope: Scope, depth: number): Scope => ({ ...scope, blocks: scope.blocks.slice(0, depth + 1) });

/** The terms of an index that belong to outer blocks, and the others. */
function splitByBlock(e: Index, scope: Scope): { outer: Index; inner: Index } {
  const depth = scope.blocks.length - 1;
  const isOuter = (atom: Atom): boolean => homeOf(variablesOf(new Index([{ coefficient: 1, atom }], 0)), scope) < depth;
  return {
    outer: new Index(
      e.terms.filter((t) => isOuter(t.atom)),
      0,
    ),
    inner: new Index(
      e.terms.filter((t) => !isOuter(t.atom)),
      e.constant,
    ),
  };
}

class Count implements Visit {
  expr(x: Expr, scope: Scope): Expr {
    if (x.kind === "index") {
      this.index(x.index, scope);
      return x;
    }
    const at = isTrivial(x) ? scope : this.count(x.key, readsOf(x), scope);
    if (at === undefined) return x;
    if (x.kind === "load") this.index(x.index, at);
    for (const child of childrenOf(x)) this.expr(child, at);
    return x;
  }

  index(e: Index, guarded: Scope): Index {
    const scope = { ...guarded, floor: 0 };
    const body = withoutConstant(e);
    if (isPlain(body)) return e;
    const at = this.count(indexValue(body).key, variablesOf(body), scope);
    if (at === undefined) return e;
    const { outer, inner } = splitByBlock(body, at);
    if (!isPlain(outer)) {
      const home = outTo(at, homeOf(variablesOf(outer), at));
      this.index(outer, home);
    }
    for (const { atom } of inner.terms)
      if (atom.kind !== "variable") {
        const own = this.count(`atom ${atom.key}`, variablesOf(atom.of), at);
        if (own !== undefined) this.index(atom.of, own);
      }
    return e;
  }

  /** Counts a use; the scope to go on in, undefined where that was done before. */
  private count(key: string, reads: ReadonlySet<string> | undefined, scope: Scope): Scope | undefined {
    const depth = scope.blocks.length - 1;
    const home = reads === undefined ? Infinity : homeOf(reads, scope);
    const block = scope.blocks[home];
    if (block === undefined) return scope;
    const seen = block.counts.get(key);
    const deeper = home < depth;
    if (seen !== undefined) {
      block.counts.set(key, { count: seen.count + 1, deeper: seen.deeper || deeper });
      return undefined;
    }
    block.counts.set(key, { count: 1, deeper });
    return deeper ? outTo(scope, home) : scope;
  }
}

class Rewrite implements Visit {
  private names = 0;

  expr(x: Expr, scope: Scope): Expr {
    if (x.kind === "index") return indexValue(this.index(x.index, scope));
    if (isTrivial(x)) return this.children(x, scope);
    return this.bound(x.key, readsOf(x), scope, (at) => this.name(this.children(x, at), at)) ?? this.children(x, scope);
  }

  index(e: Index, guarded: Scope): Index {
    const scope = { ...guarded, floor: 0 };
    const body = withoutConstant(e);
    if (isPlain(body)) return e;
    const whole = this.bound(indexValue(body).key, variablesOf(body), scope, (at) => this.nameIndex(body, at));
    return offset(whole?.kind === "index" ? whole.index : this.parts(body, scope), e.constant);
  }

  /** An index of which the terms of outer blocks and the repeated atoms have names. */
  private parts(e: Index, scope: Scope): Index {
    const { outer, inner } = splitByBlock(e, scope);
    const atoms = inner.terms.map(({ coefficient, atom }) => scale(this.atom(atom, scope), coefficient));
    return add(isPlain(outer) ? outer : this.outer(outer, scope), constant(inner.constant), ...atoms);
  }

  private outer(e: Index, scope: Scope): Index {
    const home = outTo(scope, homeOf(variablesOf(e), scope));
    const block = home.blocks.at(-1);
    const key = indexValue(e).key;
    const found = block?.bound.get(key) ?? this.nameIndex(e, home);
    block?.bound.set(key, found);
    return found.kind === "index" ? found.index : e;
  }

  private atom(atom: Atom, scope: Scope): Index {
    const plain = new Index([{ coefficient: 1, atom }], 0);
    if (atom.kind === "variable") return plain;
    const found = this.bound(`atom ${atom.key}`, variablesOf(atom.of), scope, (at) => this.nameAtom(atom, at));
    return found?.kind === "index" ? found.index : plain;
  }

  private bound(
    key: string,
    reads: ReadonlySet<string> | undefined,
    scope: Scope,
    make: (at: Scope) => Expr,
  ): Expr | undefined {
    const home = reads === undefined ? Infinity : homeOf(reads, scope);
    const block = scope.blocks[home];
    const uses = block?.counts.get(key);
    if (block === undefined || uses === undefined || (uses.count < 2 && !uses.deeper)) return undefined;
    const found = block.bound.get(key) ?? make(outTo(scope, home));
    block.bound.set(key, found);
    return found;
  }

  private name(value: Expr, scope: Scope): Expr {
    const local: Local = { name: `c${this.names++}`, dtype: value.dtype, lanes: value.lanes, axes: [] };
    scope.blocks.at(-1)?.out.push({ kind: "let", local, value });
    return localValue(local);
  }

  private nameAtom(atom: Exclude<Atom, { kind: "variable" }>, scope: Scope): Expr {
    const of = this.index(atom.of, scope);
    const value = atom.kind === "div" ? div(of, atom.by) : mod(of, atom.by);
    const named = variable(`j${this.names++}`, value.max - value.min + 1);
    scope.blocks.at(-1)?.out.push({ kind: "index", variable: named, value: indexValue(offset(value, -value.min)) });
    return indexValue(offset(indexOf(named), value.min));
  }

  /** Names an index: (e - min) / g, which is a variable, for the greatest g that divides its coefficients. */
  private nameIndex(e: Index, scope: Scope): Expr {
    const g = divisorOf(e);
    const from = offset(e, -e.min);
    const reduced = new Index(
      from.terms.map((t) => ({ ...t, coefficient: t.coefficient / g })),
      from.constant / g,
    );
    const named = variable(`j${this.names++}`, reduced.max + 1);
    const value = indexValue(offset(this.parts(withoutConstant(reduced), scope), reduced.constant));
    scope.blocks.at(-1)?.out.push({ kind: "index", variable: named, value });
    return indexValue(offset(scale(indexOf(named), g), e.min));
  }

  private children(x: Expr, scope: Scope): Expr {
    const of = (part: Expr): Expr => this.expr(part, scope);
    if (x.kind !== "load") return rebuild(x, of);
    return load(x.buffer, this.index(x.index, scope), x.mask === undefined ? undefined : of(x.mask), x.lanes, x.dtype);
  }
}
