import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { TimmcError } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";
import { endOf, wordsOf } from "./compile.ts";
import { type Description, readDescription } from "./description.ts";

/** The exit code of a program that found no CUDA device. */
const noDevice = 3;

/** The first line of a program is not longer, in bytes. */
const longestLine = 1 << 20;

/**
 * A model's own program (data/cuda/main.cpp with --pipe) as a child that keeps the model loaded: for the bytes of all inputs on
 * its standard input it answers with those of all outputs.
 */
export class CudaProcess {
  readonly description: Description;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: Answers;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcessWithoutNullStreams, answers: Answers, description: Description) {
    this.#child = child;
    this.#answers = answers;
    this.description = description;
  }

  /** Undefined where the program finds no CUDA device. Throws TimmcError with the program's own words for every other failure. */
  static async start(executable: string, weights: string): Promise<CudaProcess | undefined> {
    const child = spawn(executable, ["--weights", weights, "--pipe"], { stdio: "pipe" });
    const answers = new Answers(child);
    try {
      return new CudaProcess(child, answers, readDescription(await answers.line()));
    } catch (error) {
      child.stdin.end();
      child.kill("SIGKILL");
      if ((await answers.ended) === noDevice) return undefined;
      throw error;
    }
  }

  /** One run; each waits for the one before. */
  run(inputs: readonly Float32Array[]): Promise<Float32Array[]> {
    const result = this.#turn.then(() => this.#run(inputs));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #run(inputs: readonly Float32Array[]): Promise<Float32Array[]> {
    const { outputs } = this.description;
    const bytes = this.#answers.bytes(outputs.reduce((n, { shape }) => n + 4 * count(shape), 0));
    for (const { buffer, byteOffset, byteLength } of inputs)
      this.#child.stdin.write(new Uint8Array(buffer, byteOffset, byteLength));
    const answer = await bytes;
    let at = 0;
    return outputs.map(({ shape }) => {
      const length = count(shape);
      const numbers = new Float32Array(answer.buffer.slice(at, at + 4 * length));
      at += 4 * length;
      return numbers;
    });
  }

  /** Ends the program once it has answered. */
  async close(): Promise<void> {
    await this.#turn;
    this.#child.stdin.end();
    await this.#answers.ended;
  }
}

/** What a child writes, taken piece by piece in the order of the asking. */
class Answers {
  /** The exit code or signal of the child, or why it could not be started. */
  readonly ended: Promise<number | string>;
  #chunks: Buffer[] = [];
  #length = 0;
  #failure: TimmcError | undefined;
  #wake: () => void = () => undefined;

  constructor(child: ChildProcessWithoutNullStreams) {
    const words = wordsOf(child);
    child.stdout.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    // A child that ends closes its input, which is told by its end.
    child.stdin.on("error", () => undefined);
    this.ended = endOf(child);
    void this.ended.then((end) => {
      this.#failure = new TimmcError("unsupported", `the CUDA program ended: ${words() || String(end)}`);
      this.#wake();
    });
  }

  async line(): Promise<string> {
    for (;;) {
      const all = this.#join();
      const end = all.indexOf("\n");
      if (end >= 0 && end < longestLine) return this.#take(end + 1).toString("utf8");
      if (this.#length > longestLine)
        throw new TimmcError("unsupported", `the first line of the CUDA program is longer than ${longestLine} bytes`, {
          hint: "Compile the model again: its main.cpp may have been changed.",
        });
      await this.#more();
    }
  }

  async bytes(wanted: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#length < wanted) await this.#more();
    return new Uint8Array(this.#take(wanted));
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #take(bytes: number): Buffer {
    const all = this.#join();
    this.#chunks = [all.subarray(bytes)];
    this.#length -= bytes;
    return all.subarray(0, bytes);
  }

  async #more(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
