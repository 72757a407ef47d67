// Compile a model and classify a picture with it: node examples/compile-and-run.js [OUT]
import path from "node:path";
import { compile, run, verify } from "timmc";

const models = path.join(import.meta.dirname, "models");
const out = process.argv[2] ?? "artifacts/compile-and-run";

// A folder with timm's config.json and model.safetensors.
const model = `local-dir:${path.join(models, "test_efficientnet.shapes")}`;

const manifest = await compile({ model, out });
console.log(`${out}: ${manifest.files.map(({ path, bytes }) => `${path} (${bytes} bytes)`).join(", ")}`);

// The artifact against the unoptimised network, on several inputs. certificate.json keeps what was measured.
const { passed } = await verify(out, { model });
console.log(passed ? "verified" : "not verified");

// Pictures are preprocessed as timm does, bit for bit; the manifest says how.
const pictures = ["star-1.png", "ring-2.png"].map((name) => path.join(models, "pictures", name));
for (const { image, top } of await run(out, pictures, { top: 3 })) {
  const best = top?.map(({ label, probability }) => `${label} ${(100 * probability).toFixed(1)} %`) ?? [];
  console.log(`${path.basename(image)}: ${best.join(", ")}`);
}
