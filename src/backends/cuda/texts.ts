import { readFileSync } from "node:fs";
import { TimmcError } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";
import type { Binding, PlannedTensor } from "../kernel/plan.ts";
import type { CudaProgram, CudaStep } from "./plan.ts";

/** The small files of an artifact: the same for the same program. */
export function cudaTexts(program: CudaProgram): Readonly<Record<string, string>> {
  return {
    "model.cu": modelText(program),
    "model.h": headerText(program),
    "main.cpp": template("main.cpp"),
    "CMakeLists.txt": template("CMakeLists.txt"),
  };
}

const folder = new URL("../../../data/cuda/", import.meta.url);

function template(name: string): string {
  try {
    return readFileSync(new URL(name, folder), "utf8");
  } catch (cause) {
    throw new TimmcError("io", `the data file cuda/${name} of timmc is missing`, {
      hint: "Install the package again.",
      cause,
    });
  }
}

function headerText({ plan }: CudaProgram): string {
  const { inputs, outputs, weights, arena } = plan;
  const sizes = (kind: string, tensors: readonly PlannedTensor[]): string[] =>
    tensors.map(
      (t, i) =>
        `#define TIMMC_${kind}_${i}_ELEMENTS ${elementsOf(t)} /* ${commented(t.name)}: ${shapeOf(t).join(" x ")} */`,
    );
  return [
    "/* A network compiled by timmc: kernels in model.cu, weights in weights.bin.",
    " *",
    " *   timmc_model *model;",
    ' *   if (timmc_create("weights.bin", 0, &model) != TIMMC_OK) fail(timmc_last_error());',
    " *   const float *from[] = {image};",
    " *   float *to[] = {scores};",
    " *   if (timmc_run(model, from, to) != TIMMC_OK) fail(timmc_last_error());",
    " *   timmc_destroy(model);",
    " *",
    " * model.cu is compiled by nvcc, by itself or with CMakeLists.txt, and whatever includes this by any C or C++ compiler. */",
    "#ifndef TIMMC_MODEL_H",
    "#define TIMMC_MODEL_H",
    "",
    `#define TIMMC_INPUTS ${inputs.length}`,
    `#define TIMMC_OUTPUTS ${outputs.length}`,
    "/* Bytes of weights.bin, and of the memory of one run; a handle allocates both on the device. */",
    `#define TIMMC_WEIGHT_BYTES ${weights.bytes}`,
    `#define TIMMC_MEMORY_BYTES ${arena.bytes}`,
    ...sizes("INPUT", inputs),
    ...sizes("OUTPUT", outputs),
    "",
    template("model.h"),
    "#endif",
    "",
  ].join("\n");
}

function modelText(program: CudaProgram): string {
  const { kernels, steps } = program;
  const runs = new Map(kernels.map((kernel) => [kernel, steps.filter((s) => s.kernel === kernel)]));
  return [
    "// A network compiled by timmc: its kernels, the steps that run them, and the functions of model.h.",
    "//",
    `// ${kernels.length} kernels in ${steps.length} steps. nvcc -O3 -std=c++17 -arch=native model.cu main.cpp -o model`,
    "",
    '#include "model.h"',
    "",
    "#ifdef TIMMC_EMULATION",
    '#include "emulation.h"',
    "#else",
    "#include <cuda_fp16.h>",
    "#include <cuda_runtime.h>",
    "#pragma nv_diag_suppress 177 // few networks use all of the functions below",
    "#endif",
    "",
    ...["cerrno", "cstdarg", "cstdio", "cstring", "memory", "mutex", "new"].map((name) => `#include <${name}>`),
    "",
    "namespace {",
    "",
    template("prelude.cuh"),
    ...kernels.map((kernel) => `${ranBy(runs.get(kernel) ?? [])}\n${kernel.text}`),
    ...tables(program),
    "",
    "} // namespace",
    "",
    template("runtime.cuh"),
  ].join("\n");
}

function ranBy(steps: readonly CudaStep[]): string {
  const [first] = steps;
  const more = steps.length > 1 ? ` and ${steps.length - 1} more` : "";
  return `// ${commented(first?.name ?? "")}${more}`;
}

function tables({ steps, plan }: CudaProgram): string[] {
  const most = Math.max(1, ...steps.map((s) => s.bindings.length));
  return [
    "enum class Memory { weights, arena };",
    "struct Binding {",
    "  Memory memory;",
    "  size_t offset, bytes;",
    "};",
    "constexpr Binding w(size_t offset, size_t bytes) { return {Memory::weights, offset, bytes}; }",
    "constexpr Binding a(size_t offset, size_t bytes) { return {Memory::arena, offset, bytes}; }",
    "",
    `constexpr int most_bindings = ${most};`,
    "// A run of a kernel: what it stores, blocks, and the memory of its arguments.",
    "struct Step {",
    "  const char* name;",
    "  cudaError_t (*launch)(dim3 grid, void** arguments, cudaStream_t stream);",
    "  dim3 grid;",
    "  int count;",
    "  Binding bindings[most_bindings];",
    "};",
    "",
    "template <auto kernel, unsigned threads> cudaError_t launch(dim3 grid, void** arguments, cudaStream_t stream) {",
    "  return cudaLaunchKernel(kernel, grid, dim3(threads), arguments, 0, stream);",
    "}",
    "",
    "const Step steps[] = {",
    ...steps.map(stepRow),
    "};",
    "",
    ...tensorTable("input", plan.inputs),
    ...tensorTable("output", plan.outputs),
    "constexpr size_t weight_bytes = TIMMC_WEIGHT_BYTES, memory_bytes = TIMMC_MEMORY_BYTES;",
  ];
}

function stepRow({ name, kernel, grid, bindings }: CudaStep): string {
  const places = bindings.map(bindingText).join(", ");
  const run = `launch<${kernel.name}, ${kernel.threads}>`;
  return `  {${quoted(name)}, ${run}, {${grid.join(", ")}}, ${bindings.length}, {${places}}},`;
}

const bindingText = ({ memory, offset, bytes }: Binding): string =>
  `${memory === "weights" ? "w" : "a"}(${offset}, ${bytes})`;

function tensorTable(kind: "input" | "output", tensors: readonly PlannedTensor[]): string[] {
  const rows = tensors.map((t, i) => {
    const elements = elementsOf(t);
    return `  {${quoted(t.name)}, ${shapeOf(t).length}, ${kind}_shape_${i}, ${elements}, ${elements * 4}},`;
  });
  return [
    ...tensors.map((t, i) => `const int64_t ${kind}_shape_${i}[] = {${shapeOf(t).join(", ") || "1"}};`),
    `const timmc_tensor ${kind}s[] = {`,
    ...rows,
    "};",
    `const size_t ${kind}_offsets[] = {${tensors.map((t) => t.offset).join(", ")}};`,
    "",
  ];
}

const shapeOf = ({ stored }: PlannedTensor): readonly number[] => stored.value.type.shape as readonly number[];
const elementsOf = (tensor: PlannedTensor): number => count(shapeOf(tensor));

/** A C string. Names come from checkpoints: whatever is not plain is written by its code, which three digits end. */
const quoted = (text: string): string =>
  `"${Buffer.from(text).reduce((out, byte) => out + (isPlain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`), "")}"`;

/** Printing ASCII but quotes, backslashes, and the question marks of trigraphs. */
const isPlain = (byte: number): boolean => byte >= 32 && byte < 127 && ![34, 63, 92].includes(byte);

/** A name within a comment, which it neither ends nor goes on in the next line. */
const commented = (text: string): string => text.replaceAll(/[^\w .:+-]/g, "_");
