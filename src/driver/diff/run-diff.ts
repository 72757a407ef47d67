import { refuseInterrupted } from "../../backends/interrupt.ts";
import type { Watch } from "../../backends/write-parts.ts";
import { TimmcError } from "../../ir/error.ts";
import type { NpyArray } from "../../runtime/npy.ts";
import type { Session } from "../../runtime/session.ts";
import { type Artifact, requireWeights } from "../artifact.ts";
import { inputShape, recipeInput } from "../input-tensor.ts";
import type { Manifest } from "../manifest.ts";
import { pictureBatch, pictureInput } from "../picture-batch.ts";
import { numbersOf } from "../run-report.ts";
import { targetOf } from "../target/targets.ts";
import { type Outputs, measureOutput } from "../verify-compare.ts";
import { fieldChanges } from "./changes.ts";
import type { OutputError, RunDiff } from "./report.ts";

interface RunDiffOptions extends Watch {
  /** In place of the recipe's input. */
  readonly images?: readonly string[] | undefined;
  readonly note?: ((text: string) => void) | undefined;
}

/** Why two artifacts do not take the same input; undefined where they do. Of pictures, how they are prepared counts too. */
export function contractConflict(a: Manifest, b: Manifest, ofPictures: boolean): string | undefined {
  const [change] = fieldChanges(contractOf(a, ofPictures), contractOf(b, ofPictures));
  return change && `input.${change.field} is ${JSON.stringify(change.a)} and ${JSON.stringify(change.b)}`;
}

function contractOf(manifest: Manifest, ofPictures: boolean): unknown {
  const { dtype, layout, normalized, mean, std, interpolation, crop_pct, crop_mode } = manifest.input;
  const how = ofPictures ? { interpolation, crop_pct, crop_mode } : {};
  return { shape: inputShape(manifest, 1), dtype, layout, normalized, mean, std, ...how };
}

/**
 * Runs two artifacts of one input contract on the same inputs and measures every output that both have, the first being the
 * reference. Throws TimmcError where one of them does not run.
 */
export async function runDiff(
  a: Artifact,
  b: Artifact,
  { images, signal, progress, note }: RunDiffOptions,
): Promise<RunDiff> {
  const names = a.manifest.outputs.map((o) => o.name).filter((name) => b.manifest.outputs.some((o) => o.name === name));
  const inputs: { input: string; outputs: OutputError[] }[] = [];
  let [pictures, same] = [0, 0];
  await withSession(a, (one) =>
    withSession(b, async (other) => {
      for (const [i, image] of (images ?? [undefined]).entries()) {
        refuseInterrupted(signal);
        progress?.(`running ${i + 1} of ${images?.length ?? 1} inputs`);
        const input = await inputOf(a.manifest, image, signal);
        const [x, y] = [await one.run(input), await other.run(input)];
        inputs.push({ input: image ?? "recipe", outputs: names.map((name) => errorOf(name, x, y)) });
        if (image === undefined || !isClassified(a.manifest, x) || !isClassified(b.manifest, y)) continue;
        pictures++;
        if (bestOf(x) === bestOf(y)) same++;
      }
    }),
  );
  return { inputs, same_top1: pictures === 0 ? null : { pictures, same } };

  async function withSession(artifact: Artifact, body: (session: Session) => Promise<void>): Promise<void> {
    requireWeights(artifact);
    const runtime = await targetOf(artifact.manifest.target).load();
    const session = await runtime.open(artifact, { signal, progress, note });
    try {
      await body(session);
    } finally {
      await session.close();
    }
  }
}

async function inputOf(
  manifest: Manifest,
  image: string | undefined,
  signal: AbortSignal | undefined,
): Promise<NpyArray> {
  const shape = inputShape(manifest, 1);
  return image === undefined
    ? recipeInput(manifest, shape)
    : pictureBatch(pictureInput(manifest), [image], shape[0] ?? 1, signal);
}

function errorOf(name: string, a: Outputs, b: Outputs): OutputError {
  const actual = b.get(name);
  if (actual === undefined) throw new TimmcError("invalid-ir", `the model lacks its output ${name}`);
  const { error, ofStd, problem } = measureOutput({ name, dtype: actual.dtype }, a.get(name), actual, "fp32");
  const shown = (n: number): number | null => (Number.isFinite(n) ? n : null);
  return { name, max_abs_error: shown(error), error_of_std: shown(ofStd), problem };
}

/** Whether the first row of logits is the picture's classes. */
const isClassified = ({ num_classes }: Manifest, outputs: Outputs): boolean =>
  num_classes > 0 && outputs.get("logits")?.shape.length === 2;

/** The class of the highest logit of the first row, the first of equal ones. */
function bestOf(outputs: Outputs): number {
  const logits = outputs.get("logits");
  const row = logits === undefined ? [] : Array.from(numbersOf(logits)).slice(0, logits.shape[1]);
  return row.indexOf(row.reduce((most, x) => Math.max(most, x), -Infinity));
}
