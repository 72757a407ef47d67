import { arrayOf } from "./arrays.ts";
import { type ClientFacts, type SizeFacts, outputFacts } from "./facts.ts";

/**
 * index.js of an artifact: a module without imports, the same for Node and browsers. ONNX Runtime's namespace is handed in.
 * Bundlers know `new URL("./FILE", import.meta.url)` and carry the file along.
 */
export function clientScript(facts: ClientFacts): string {
  const { sizes, hasWeights } = facts;
  const load = sizes === undefined ? loadScript(facts) : sizedLoad(facts, sizes);
  return `${factsScript(facts)}${sizes === undefined ? "" : sizesScript(sizes)}
${hasWeights ? load : refusal}`;
}

/** What the modules of all targets begin with: input, outputs and labels. */
export function factsScript({ title, input, outputs, labels }: ClientFacts): string {
  const described = outputs.map((o) => `  ${JSON.stringify(o.name)}: ${JSON.stringify(outputFacts(o))},\n`);
  return `// ${title}: a typed client. Types and comments are in index.d.ts.

export const input = ${JSON.stringify(input)};

export const outputs = {
${described.join("")}};

export const labels = ${JSON.stringify(labels)};
`;
}

/** `32*H` is a multiple of 32. */
const multipleScript = `const multipleOf = (dim) => (dim.includes("*") ? parseInt(dim, 10) : 1);

`;

/** Of the tensor that run is given, by the model's input. */
export function checkScript({ input }: ClientFacts): string {
  const { array } = arrayOf(input.dtype);
  const hasMultiples = input.shape.some((dim) => typeof dim === "string" && dim.includes("*"));
  const whole = hasMultiples ? "Number.isInteger(dims[axis] / multipleOf(dim))" : "Number.isInteger(dims[axis])";
  return `${hasMultiples ? multipleScript : ""}const fits = (dims) =>
  dims.length === input.shape.length &&
  input.shape.every((dim, axis) => dim === dims[axis] || (typeof dim === "string" && ${whole} && dims[axis] > 0));

function check(tensor) {
  const { dims, data } = tensor ?? {};
  if (!Array.isArray(dims) || data === undefined)
    throw new TypeError(\`run takes one tensor: { dims: [\${input.shape}], data: ${array} }\`);
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  if (kind !== "${array}" || !fits(dims))
    throw new TypeError(\`the input is \${kind}[\${dims}]; the model takes ${array}[\${input.shape}]\`);
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== length) throw new TypeError(\`[\${dims}] are \${length} elements; data has \${data.length}\`);
}
`;
}

export const refusal = `export async function load() {
  throw new Error("this artifact was compiled without weights (--weights none): there is nothing to run");
}
`;

function loadScript(facts: ClientFacts): string {
  const { model, data } = facts;
  return `${checkScript(facts)}
${sessionParts(facts)}
export async function load({ ort, model, ${data === undefined ? "" : "data, "}options = {} } = {}) {
  ${requireOrt}
  const own = new URL(${JSON.stringify(`./${model}`)}, import.meta.url);
  const session = await ort.InferenceSession.create(place(model ?? own), ${data === undefined ? "options" : withData});
  ${sessionReturned(facts)}
}
`;
}

/** The inputs and outputs of each size. */
const sizesScript = (sizes: readonly SizeFacts[]): string => `
export const sizes = {
${sizes.map(({ name, input, outputs }) => `  ${JSON.stringify(name)}: ${JSON.stringify({ input, outputs: byName(outputs) })},\n`).join("")}};
`;

const byName = (outputs: ClientFacts["outputs"]): object =>
  Object.fromEntries(outputs.map((output) => [output.name, outputFacts(output)]));

/** The same for several sizes; every file is named as bundlers want it. */
function sizedLoad(facts: ClientFacts, sizes: readonly SizeFacts[]): string {
  const files = sizes.map(
    ({ name, model }) => `  ${JSON.stringify(name)}: new URL(${JSON.stringify(`./${model}`)}, import.meta.url),\n`,
  );
  return `function checkOf({ input }) {
${checkScript(facts)
  .trimEnd()
  .replaceAll(/^(?=.)/gm, "  ")}
  return check;
}

${sessionParts(facts)}
const models = {
${files.join("")}};

export async function load({ ort, size = ${JSON.stringify(sizes[0]?.name)}, model, data, options = {} } = {}) {
  ${requireOrt}
  if (!Object.hasOwn(models, size))
    throw new TypeError(\`load({ size }) takes \${Object.keys(models).join(", ")}, not \${size}\`);
  const check = checkOf(sizes[size]);
  const session = await ort.InferenceSession.create(place(model ?? models[size]), ${withData});
  ${sessionReturned(facts)}
}
`;
}

/** What `load` is made of beside itself, whatever the model's file. */
function sessionParts({ outputs, names, data }: ClientFacts): string {
  const inModel = outputs.map(({ name }) => [name, names[name] ?? name]);
  return `${placeScript}${data === undefined ? "" : dataScript(data)}${hasHalves(outputs) ? halfScript : ""}
const names = ${JSON.stringify(inModel)};
`;
}

const hasHalves = (outputs: ClientFacts["outputs"]): boolean => outputs.some(({ dtype }) => dtype === "f16");

const requireOrt = `if (typeof ort?.InferenceSession?.create !== "function")
    throw new TypeError("load({ ort }) takes ONNX Runtime: the namespace of onnxruntime-node or onnxruntime-web");`;

/** The end of `load`: the model over an open session. */
function sessionReturned({ input, names, outputs }: ClientFacts): string {
  const { type } = arrayOf(input.dtype);
  return `return {
    async run(tensor) {
      check(tensor);
      const results = await session.run({
        ${JSON.stringify(names["input"] ?? input.name)}: new ort.Tensor(${JSON.stringify(type)}, tensor.data, tensor.dims),
      });
      const read = async ([tap, name]) => {
        const { dims } = results[name];
        return [tap, { dims, data: ${hasHalves(outputs) ? "codes(await results[name].getData(true))" : "await results[name].getData(true)"} }];
      };
      return Object.fromEntries(await Promise.all(names.map(read)));
    },
    release: () => session.release(),
  };`;
}

const placeScript = `function place(file) {
  if (!(file instanceof URL)) return file;
  if (file.protocol !== "file:") return file.href;
  const path = decodeURIComponent(file.pathname);
  return file.host === "" ? path.replace(/^\\/([A-Za-z]:\\/)/, "$1") : \`//\${file.host}\${path}\`;
}
`;

/**
 * onnxruntime-node finds the file beside the model's by itself, and takes another as bytes; onnxruntime-web has to be told.
 * For the artifact's own model it is named as bundlers want it, which give files other names.
 */
const dataScript = (data: string): string => {
  const name = JSON.stringify(data.slice(data.lastIndexOf("/") + 1));
  return `
function beside(model) {
  if (model === undefined) return new URL(${JSON.stringify(`./${data}`)}, import.meta.url);
  if (model instanceof URL) return new URL(${name}, model);
  if (typeof model !== "string") return undefined;
  return /^[a-z]{2,}:/i.test(model) ? new URL(${name}, model) : model.replace(/[^\\\\/]*$/, ${name});
}

function externalData(ort, model, data) {
  const file = data ?? (ort.env.versions.web === undefined ? undefined : beside(model));
  return file !== undefined && { externalData: [{ path: ${name}, data: place(file) }] };
}
`;
};

const withData = "{ ...externalData(ort, model, data), ...options }";

const halfScript = `
const codes = (data) =>
  data.constructor.name === "Float16Array" ? new Uint16Array(data.buffer, data.byteOffset, data.length) : data;
`;
