/**
 * Every failure that a user can meet. The trail says where (model, module path, op); the message says what rule was
 * broken; the hint says what to do. The command line prints them without a stack.
 */
export class TimmcError extends Error {
  override readonly name = "TimmcError";
  readonly code: ErrorCode;
  readonly trail: readonly string[];
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { trail?: readonly string[]; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.trail = options.trail ?? [];
    this.hint = options.hint;
  }

  /** The same error seen from one level further out: `resnet50 > layer1.0 > conv: ...`. Its stack is that of the origin. */
  within(place: string): TimmcError {
    const outer = new TimmcError(this.code, this.message, {
      trail: [place, ...this.trail],
      hint: this.hint,
      cause: this.cause,
    });
    if (this.stack !== undefined) outer.stack = this.stack;
    return outer;
  }

  /** One line for people: trail, message and hint. */
  describe(): string {
    const where = this.trail.length > 0 ? `${this.trail.join(" > ")}: ` : "";
    return `${where}${this.message}${this.hint === undefined ? "" : `\n  ${this.hint}`}`;
  }
}

/**
 * `usage`: the request is malformed (exit 2). `unsupported`: a clear refusal of something that timm has.
 * `invalid-ir`: a graph breaks a rule of an op or of SSA. `weights`: a checkpoint does not fit or is malformed.
 * `config`: a model configuration is malformed. `io`: a file cannot be read or written. `numeric`: a result exceeds its budget.
 * `dependency`: an optional package is missing. `interrupted`: the user stopped the run.
 */
export type ErrorCode =
  | "usage"
  | "unsupported"
  | "invalid-ir"
  | "weights"
  | "config"
  | "io"
  | "numeric"
  | "dependency"
  | "interrupted";

/** Runs `body`; a TimmcError that leaves it gains `place` in front of its trail. */
export function within<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof TimmcError ? error.within(place) : error;
  }
}
