import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const dataPath = (name: string): string => fileURLToPath(new URL(`data/${name}`, import.meta.url));

export const readJson = (name: string): unknown => JSON.parse(readFileSync(dataPath(name), "utf8"));

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
