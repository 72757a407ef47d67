import type { Manifest } from "../manifest.ts";
import { clientFiles } from "./client.ts";
import { factsDeclarations, loadDeclaration, refusingDeclaration } from "./declarations.ts";
import { type ClientFacts, clientFacts } from "./facts.ts";
import { checkScript, factsScript, refusal } from "./script.ts";

/** The typed client of a WebGPU artifact: the text of each file. The manifest may still lack them. */
export function webgpuClientTexts(manifest: Manifest): Readonly<Record<string, string>> {
  const facts = clientFacts(manifest);
  return clientFiles(script(facts), declarations(facts));
}

/**
 * index.js: a module that imports the shaders alone, the same for Node and browsers. The runtime is handed in. Bundlers know
 * `new URL("./FILE", import.meta.url)` and carry the file along; Node's modules are asked for where there are any.
 */
const script = (facts: ClientFacts): string =>
  facts.hasWeights
    ? `${factsScript(facts).replace("\n\n", `\n\nimport { shaders } from "./model.wgsl.js";\n\n`)}
${checkScript(facts)}
${loadScript}`
    : `${factsScript(facts)}\n${refusal}`;

const loadScript = `async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(\`\${url} cannot be fetched: \${answer.status} \${answer.statusText}\`);
  return answer;
}

async function planOf(url) {
  if (url.protocol !== "file:") return (await fetched(url)).json();
  return JSON.parse(process.getBuiltinModule("node:fs").readFileSync(url, "utf8"));
}

async function weightsOf(url) {
  if (url.protocol !== "file:") return (await fetched(url)).body;
  const file = process.getBuiltinModule("node:fs").createReadStream(url, { highWaterMark: 1 << 20 });
  return process.getBuiltinModule("node:stream").Readable.toWeb(file);
}

export async function load({ runtime, device, gpu, onProgress } = {}) {
  if (typeof runtime?.loadModel !== "function")
    throw new TypeError("load({ runtime }) takes the module timmc/runtime/webgpu");
  const [plan, weights] = await Promise.all([
    planOf(new URL("./plan.json", import.meta.url)),
    weightsOf(new URL("./weights.bin", import.meta.url)),
  ]);
  const model = await runtime.loadModel({ plan, shaders, weights, device, gpu, progress: onProgress });
  return {
    async run(tensor) {
      check(tensor);
      return model.run(tensor);
    },
    async profile(tensor) {
      check(tensor);
      return model.profile(tensor);
    },
    release: async () => model.dispose(),
  };
}
`;

const declarations = (facts: ClientFacts): string =>
  `${factsDeclarations(facts, "WebGPU, in browsers and in Node")}
/** What the client uses of the module timmc/runtime/webgpu. */
export interface Runtime {
  loadModel(options: object): Promise<{
    run(input: never): Promise<unknown>;
    profile(input: never): Promise<unknown>;
    dispose(): void;
  }>;
}

export interface LoadOptions {
  /** The module: \`import * as runtime from "timmc/runtime/webgpu"\`. */
  readonly runtime: Runtime;
  /** The GPUDevice to run on; several models may share one. Without: a device of its own. */
  readonly device?: object;
  /** Where such a device comes from, in Node: \`create([])\` of the package webgpu. Without: the browser's. */
  readonly gpu?: object;
  /** How many bytes of the weights are on the device, of how many. */
  readonly onProgress?: (done: number, all: number) => void;
}

export interface Model {
  /** Throws TypeError for an input of another type or shape. */
  run(input: Input): Promise<Outputs>;
  /** Milliseconds of each kernel of one run, where the device has timestamps. */
  profile(input: Input): Promise<readonly { readonly name: string; readonly ms: number }[] | undefined>;
  /** Gives the memory back. */
  release(): Promise<void>;
}

${facts.hasWeights ? loadDeclaration : refusingDeclaration}`;
