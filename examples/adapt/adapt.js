// Adapt a network to one's own pictures, ahead of training: node examples/adapt/adapt.js [OUT]. README.md says why.
import { readdirSync } from "node:fs";
import path from "node:path";
import { activations, compile, inspect, run, verify } from "timmc";

const models = path.join(import.meta.dirname, "../models");
const model = `local-dir:${path.join(models, "test_resnet.shapes")}`;
const out = process.argv[2] ?? "artifacts/adapt";
const pictures = readdirSync(path.join(models, "pictures")).map((name) => path.join(models, "pictures", name));

// 1. What do the stages give on our pictures?
const { taps: reports } = await activations({ model, images: pictures });
const shown = (/** @type {number | null} */ x) => x?.toFixed(2) ?? "-"; // null: no value was finite
for (const { tap, channels, mean, std, max, dead } of reports)
  console.log(`${tap}: ${channels} channels, mean ${shown(mean)}, std ${shown(std)}, max ${shown(max)}, ${dead} dead`);

// 2. Which stages are worth their cost? Those that are alive, the cheapest of each reduction.
const { features, param_groups: groups } = await inspect({ model, paramGroups: true });
const alive = features.filter(({ index, channels }) => (reports[index]?.dead ?? 0) < Number(channels) / 10);
const chosen = [8, 16].flatMap((side) => alive.find(({ reduction }) => reduction === side) ?? []);
for (const { index, module, reduction, macs, bytes } of chosen)
  console.log(
    `chosen: features.${index} (${module}), 1/${reduction}, ${(macs / 1e6).toFixed(0)} MMACs, ${bytes} bytes`,
  );

// 3. Up to where can training freeze? All before the last chosen stage's block group.
const last = chosen.at(-1)?.module ?? "";
const frozen = groups?.coarse.filter(
  ({ index }) => index < (groups.coarse.find((g) => g.modules.includes(last))?.index ?? 0),
);
console.log(`freeze: ${frozen?.flatMap((g) => g.modules).join(", ")}`);

// 4. One artifact that takes the pictures' bytes and gives the classes, the chosen stages and the pooled features.
const taps = ["logits", "pre_logits", ...chosen.map(({ index }) => `features.${index}`)];
const manifest = await compile({ model, out, taps, preprocess: true, softmax: true });
for (const { name, shape, macs } of manifest.outputs)
  console.log(`${name}: [${shape.join(", ")}], ${(macs / 1e6).toFixed(0)} MMACs`);
console.log((await verify(out, { model })).passed ? "verified" : "not verified");

// 5. Does it still know our pictures?
const results = await run(out, pictures, { top: 1 });
const right = results.filter(({ image, top }) => path.basename(image).startsWith(`${top?.[0]?.label}-`));
console.log(`${right.length} of ${results.length} pictures right`);
