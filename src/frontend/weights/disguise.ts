import { closeSync, fstatSync } from "node:fs";
import { TimmcError } from "../../ir/error.ts";
import { openFile, readBytes } from "./file.ts";

/** What a file is by its first bytes, in words. */
const kinds = {
  pointer: "a Git LFS pointer, in place of the weights",
  page: "a web page, in place of the weights",
  safetensors: "a safetensors file",
  zip: "a zip archive, as torch.save and numpy.savez write",
  pickle: "a pickle, as older versions of torch.save write",
} as const;
type Kind = keyof typeof kinds;

/** What a file is by its ending. */
type NamedKind = "safetensors" | "npz" | "pytorch";

const allowed: { readonly [N in NamedKind]: readonly Kind[] } = {
  safetensors: ["safetensors"],
  npz: ["zip"],
  pytorch: ["zip", "pickle"],
};

const hints: { readonly [K in Kind]: string } = {
  pointer: "Run git lfs pull where the repository was cloned.",
  page: "Download the file itself: on the Hub its address has /resolve/ where the page's has /blob/.",
  safetensors: "Rename it: the name must end in .safetensors.",
  zip: "Rename it: the name must end in .pth for PyTorch's files, in .npz for numpy's.",
  pickle: "Rename it: the name must end in .pth.",
};

/**
 * Refuses a file that its first bytes show to be of another kind than its name says; what is of no known kind is left to
 * its reader. Throws TimmcError `weights`, and `io` where the file cannot be read.
 */
export function requireGenuine(path: string, named: NamedKind): void {
  const kind = kindOf(firstBytes(path));
  if (kind === undefined || allowed[named].includes(kind)) return;
  throw new TimmcError("weights", `this is ${kinds[kind]}`, { trail: [path], hint: hints[kind] });
}

function firstBytes(path: string): Buffer {
  const descriptor = openFile(path);
  try {
    const length = Math.min(64, fstatSync(descriptor).size);
    const refuse = (rule: string): never => {
      throw new TimmcError("weights", rule, { trail: [path] });
    };
    return Buffer.from(readBytes(descriptor, 0, length, refuse));
  } finally {
    closeSync(descriptor);
  }
}

/** What a file is by its first bytes, in words; undefined where they tell nothing. */
export function kindInWords(bytes: Uint8Array): string | undefined {
  const kind = kindOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  return kind === undefined ? undefined : kinds[kind];
}

/** The longest header of a safetensors file. */
const maxHeader = 100_000_000n;

function kindOf(bytes: Buffer): Kind | undefined {
  const text = bytes.toString("latin1");
  if (text.startsWith("version https://git-lfs")) return "pointer";
  if (/^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|\?xml)/i.test(text)) return "page";
  if (bytes.length > 8 && text[8] === "{" && bytes.readBigUInt64LE(0) <= maxHeader) return "safetensors";
  if (text.startsWith("PK\u0003\u0004")) return "zip";
  return bytes[0] === 0x80 && isProtocol(bytes[1]) ? "pickle" : undefined;
}

/** Pickles begin with their protocol; the first that says so is 2. */
const isProtocol = (byte = 0): boolean => byte >= 2 && byte <= 5;
