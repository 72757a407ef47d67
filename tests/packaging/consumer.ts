/** A program that uses the package: it is type-checked against the installed one, and runs in no test. */
import {
  type Artifact,
  type Certificate,
  type Inspection,
  type Manifest,
  TimmcError,
  compile,
  inspect,
  loadArtifact,
  lower,
  optimize,
  registry,
  resolve,
  run,
  verify,
} from "timmc";

type IsAny<T> = 0 extends 1 & T ? true : false;
const typed: IsAny<Manifest | Certificate | Inspection | Artifact | Awaited<ReturnType<typeof lower>>> = false;

const { tag, inputSize }: { tag: string; inputSize: readonly [number, number, number] } = await resolve({
  model: registry.listArchitectures()[0] ?? "resnet18",
});
const { features, params } = await inspect({ model: "resnet18", args: { in_chans: 1 } });
const channels: (number | string)[] = features.map((stage) => stage.channels);

const { lowered } = await lower({ model: "resnet18", taps: ["features"], batch: 4 });
const passes: string[] = optimize(lowered.graph, "O1").map(({ pass }) => pass);

try {
  const manifest = await compile({ model: "resnet18", weights: { file: "model.safetensors" }, out: "out" });
  const shape: readonly (number | string)[] | undefined = manifest.outputs[0]?.shape;
  const certificate = await verify("out");
  const { folder } = await loadArtifact("out");
  const labels = (await run(folder, ["picture.png"])).map(({ top }) => top?.[0]?.label ?? null);
  console.log(shape, certificate.passed, labels satisfies (string | null)[]);
} catch (error) {
  if (error instanceof TimmcError) console.log(error.code, error.describe());
}
console.log(typed, tag, inputSize, params, channels, passes);
