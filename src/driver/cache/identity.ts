import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { version } from "../version.ts";

/** The package's folder: three levels up from here, in src/ as in dist/. */
const root = fileURLToPath(new URL("../../../", import.meta.url));

let known: string | undefined;

/**
 * What stands for the compiler in keys of the cache: its version, the SHA-256 of its own code and data as they lie on the
 * disk, and the versions of the packages that spell ONNX files. The same for the same files in any folder; another one
 * for the sources than for what was built of them. Read once per process.
 */
export function compilerIdentity(): string {
  known ??= [`timmc ${version}`, codeHash(), ...encoderVersions()].join(", ");
  return known;
}

function codeHash(): string {
  const extension = extname(fileURLToPath(import.meta.url));
  const code = basename(fileURLToPath(new URL("../../", import.meta.url)));
  const files = [
    ...filesUnder(code).filter((path) => path.endsWith(extension) || path.endsWith(".js")),
    ...filesUnder("data"),
  ];
  const hash = createHash("sha256");
  for (const path of files) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** Places from the package's folder, with forward slashes, in the order of their names. */
function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const place = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesUnder(place) : entry.isFile() ? [place] : [];
    })
    .toSorted();
}

/** The packages that spell ONNX files: onnx-proto, and what it stands on. */
function encoderVersions(): string[] {
  const onnxProto = packageJson("onnx-proto", import.meta.url);
  const protobuf = packageJson("protobufjs", onnxProto);
  return [`onnx-proto ${versionIn(onnxProto)}`, `protobufjs ${versionIn(protobuf)}`];
}

const packageJson = (name: string, from: string): string => createRequire(from).resolve(`${name}/package.json`);

const versionIn = (path: string): string =>
  String((JSON.parse(readFileSync(path, "utf8")) as { readonly version?: unknown }).version);
