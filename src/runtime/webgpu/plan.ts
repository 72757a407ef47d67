/** What the runtime does, as data: plan.json. Offsets and sizes are in bytes. */
export interface Plan {
  /** Bytes of the weight file, and of the memory that all other tensors share. */
  readonly weights: number;
  readonly arena: number;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly steps: readonly Step[];
}

/** A tensor as the runtime gives and takes it: row-major elements of `shape`, at `offset` of the arena in the order of `order`. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly order: readonly number[];
  readonly offset: number;
}

export interface Step {
  /** The module path, for profiles. */
  readonly name: string;
  /** Which of the shaders. */
  readonly shader: number;
  readonly grid: readonly [number, number, number];
  /** In the order of the shader's bindings: [0 of the weights or 1 of the arena, offset, size]. */
  readonly bindings: readonly (readonly [0 | 1, number, number])[];
}
