// A process of its own that compiles MODEL into FOLDER and prints its peak memory in KiB.
import { compileArtifact } from "./artifacts.ts";

const [model = "", folder = ""] = process.argv.slice(2);
await compileArtifact(model, folder, { level: "2" }, new AbortController().signal);
console.log(process.resourceUsage().maxRSS);
