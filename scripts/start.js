// npm start: the main job on the model that comes with the package. Compiles a small network trained on drawings of
// ten shapes, verifies the artifact, and classifies twenty pictures with it.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { compile, inspect, run, verify, version } from "timmc";

const root = path.join(import.meta.dirname, "..");
const folder = path.join(root, "examples/models/test_resnet.shapes");
const pictures = path.join(root, "examples/models/pictures");
const model = `local-dir:${folder}`;
const out = path.join(root, "artifacts/test_resnet.shapes");

/** @param {string} indent @param {readonly (string | number)[]} cells */
const row = (indent, ...cells) =>
  console.log(
    indent +
      cells
        .map((cell) => String(cell).padEnd(11))
        .join("")
        .trimEnd(),
  );
const percent = (/** @type {number} */ fraction) => `${(100 * fraction).toFixed(1)} %`;

row("", "timmc", `${version}, ${path.relative(process.cwd(), folder)}`);
row("  ", "stage", "module", "channels", "reduction", "shape", "MACs so far");
for (const { index, module, channels, reduction, shape, macs } of (await inspect({ model })).features)
  row("  ", `features.${index}`, module, channels, reduction, shape.slice(1).join("x"), `${(macs / 1e6).toFixed(1)} M`);

const started = performance.now();
const { files, outputs, num_classes } = await compile({ model, out, taps: ["logits", "features"] });
const size = files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
row("", "compiled", `${size.toFixed(1)} MB in ${(performance.now() - started).toFixed(0)} ms`);
row("", "outputs", outputs.map(({ name }) => name).join(", "));

const { passed, inputs, outputs: measured } = await verify(out, { model });
const used = Math.max(...measured.map(({ budget_used }) => budget_used ?? Infinity));
row(
  "",
  "verified",
  `${passed ? "passed" : "FAILED"} on ${inputs.length} inputs: ${percent(used)} of the allowed error`,
);

const names = (await readdir(pictures)).filter((name) => name.endsWith(".png")).sort();
const paths = names.map((name) => path.join(pictures, name));
const reports = await run(out, paths, { top: num_classes });
/** @type {Record<string, { logits: number[] }>} What timm computes for the same pictures. */
const expected = JSON.parse(await readFile(path.join(folder, "expected.json"), "utf8"));
const results = reports.map(({ top }, i) => ({ name: names[i] ?? "", top: top ?? [], best: top?.[0] }));
for (const { name, best } of results) row("  ", name.padEnd(16), best?.label ?? "", percent(best?.probability ?? 0));

const right = results.filter(({ name, best }) => best?.label === name.slice(0, name.indexOf("-"))).length;
const errors = results.flatMap(({ name, top }) =>
  top.map(({ index, logit }) => Math.abs(logit - (expected[name]?.logits[index] ?? NaN))),
);
const agrees = errors.length === names.length * num_classes && errors.every((error) => error <= 1e-3);
row("", "pictures", `${right} of ${names.length} right`);
row("", "logits", `${agrees ? "equal" : "NOT equal"} to timm's within 1e-3: ${Math.max(...errors).toExponential(1)}`);
row("", "artifact", path.relative(process.cwd(), out));
process.exitCode = passed && agrees ? 0 : 1;
