import { createHash, randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { codeOf } from "../ir/caught.ts";

/** Names of what is being written: of this machine and process, so that a later run knows whether somebody is still at it. */

const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 12);
const pattern = /^([0-9a-f]{12})-(\d{1,10})-[0-9a-f]{16}$/;

export const ownedName = (): string => `${host}-${process.pid}-${randomBytes(8).toString("hex")}`;

/** Whether a name is one of `ownedName` whose process has ended, or that is older than `most` milliseconds. */
export function isAbandoned(name: string, age: number, most: number): boolean {
  const [, of, pid] = pattern.exec(name) ?? [];
  if (pid === undefined) return false;
  return (of === host && !isAlive(Number(pid))) || age > most;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}
