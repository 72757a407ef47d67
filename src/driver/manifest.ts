import type { z } from "zod";
import type { manifestSchema } from "./manifest-schema.ts";

/** The version of the manifest's layout; readers refuse others. */
export const manifestVersion = 2;

/** A type as data that nobody writes to. */
export type Frozen<T> = T extends readonly unknown[] | object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** manifest.json: what an artifact is. The schema says what each field means. */
export type Manifest = Frozen<z.infer<typeof manifestSchema>>;
export type ManifestFile = Manifest["files"][number];
/** Which operators a model may have: ONNX's, or ONNX Runtime's own beside them. */
export type OnnxOps = NonNullable<Manifest["request"]["onnx_ops"]>;
export type ManifestInput = Manifest["input"];
export type ManifestOutput = Manifest["outputs"][number];
export type OnnxTarget = Extract<Manifest["target"], { name: "onnx" }>;
/** What a manifest says of one of several sizes. */
export type ManifestSize = NonNullable<OnnxTarget["sizes"]>[number];
