import { Job } from "kubernetes-models/batch/v1";
import { PersistentVolumeClaim } from "kubernetes-models/v1";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { refusal, temporaryFolder } from "../workspace.ts";
import { echoArguments, hostileNames, planText, shell, writeConfig } from "./plan.ts";

const at = temporaryFolder();
afterEach(() => void vi.restoreAllMocks());

const image = "registry.example.com/timmc:1";

async function documents(name = "models", artifacts = "artifacts"): Promise<readonly [object, object]> {
  const folder = at("volume");
  mkdirSync(folder, { recursive: true });
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  const file = writeConfig(join(folder, name, `${name}.json`));
  const text = await planText({ file, format: "kubernetes", shards: 3, artifacts: join(folder, artifacts), image });
  // Kubernetes reads YAML 1.1.
  const read = (version: "1.1" | "1.2"): unknown[] => {
    const all = parseAllDocuments(text, { version });
    if (!Array.isArray(all)) throw new Error("no documents");
    expect(all.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    return all.map((document) => document.toJS() as unknown);
  };
  expect(read("1.1")).toEqual(read("1.2"));
  const [claim, job] = read("1.1");
  return [claim as object, job as object];
}

/** The keys of a document that a validator never looked at: its schema has no such fields, and it passes over them. */
function unknownFields(document: object, validate: (document: object) => void): string[] {
  const read = new Set<string>();
  const all: string[] = [];
  const watched = (value: unknown, path: string): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const children = new Map(Object.entries(value).map(([key, child]) => [key, watched(child, `${path}.${key}`)]));
    if (!Array.isArray(value)) all.push(...[...children.keys()].map((key) => `${path}.${key}`));
    return new Proxy(value, {
      get: (target, key, receiver) => {
        if (typeof key === "string") read.add(`${path}.${key}`);
        return typeof key === "string" && children.has(key) ? children.get(key) : Reflect.get(target, key, receiver);
      },
    });
  };
  validate(watched(document, "") as object);
  return all.filter((key) => !read.has(key));
}

// Without a copy of the document, which would read every field.
const validateJob = (document: object): void => void Reflect.apply(Job.prototype.validate, document, []);
const validateClaim = (document: object): void =>
  void Reflect.apply(PersistentVolumeClaim.prototype.validate, document, []);

interface JobSpec {
  readonly spec: { template: { spec: { containers: Record<string, unknown>[] } } };
}

describe("a job", () => {
  test("and its claim are what Kubernetes' schema describes, with no field that it lacks", async () => {
    const [claim, job] = await documents();
    expect(unknownFields(claim, validateClaim)).toEqual([]);
    expect(unknownFields(job, validateJob)).toEqual([]);
    expect(claim).toMatchObject({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "timmc-models" },
    });
    expect(job).toMatchObject({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "timmc-models" },
      spec: {
        completionMode: "Indexed",
        completions: 3,
        template: {
          spec: {
            containers: [{ image, resources: { limits: { memory: "8192Mi" } } }],
            volumes: [{ persistentVolumeClaim: { claimName: "timmc-models" } }],
          },
        },
      },
    });
  });

  test("is refused by that schema where a value is wrong, and a field that it lacks is seen", async () => {
    const [, job] = await documents();
    const { spec } = job as JobSpec;
    expect(() => validateJob({ ...job, spec: { ...spec, completions: "3" } })).toThrow(/completions must be integer/);
    expect(unknownFields({ ...job, spec: { ...spec, completion: 3 } }, validateJob)).toEqual([".spec.completion"]);
  });

  test.each(hostileNames)("says the name %j as it is, to Kubernetes and to the shell", async (name) => {
    const [, job] = await documents(name, name);
    expect(unknownFields(job, validateJob)).toEqual([]);
    const [container] = (job as JobSpec).spec.template.spec.containers;
    const { args, env } = container as { args: string[]; env: { name: string; value: string }[] };
    const index = { JOB_COMPLETION_INDEX: "1", secrets: "leaked", HOME: "leaked" };
    const values = Object.fromEntries(env.map((entry) => [entry.name, expanded(entry.value, index)]));
    const command = expanded(args[0] ?? "", { ...index, ...values }).replace("exec timmc", `exec ${echoArguments}`);
    const place = `${name.startsWith("-") ? "./" : ""}${name}`;
    expect(JSON.parse(shell(command, at("volume"), { ...index, ...values }))).toEqual([
      "build",
      `${place}/${name}.json`,
      "-o",
      place,
      "--shard",
      "2/3",
    ]);
    expect((job as { metadata: { name: string } }).metadata.name).toMatch(/^[a-z0-9](?:[-a-z0-9]{0,50}[a-z0-9])?$/);
  });

  test("needs an image", async () => {
    const file = writeConfig(join(at("volume"), "c.json"));
    vi.spyOn(process, "cwd").mockReturnValue(at("volume"));
    expect(await refusal(planText({ file, format: "kubernetes" }))).toMatch(/^usage: .*needs an image/);
  });
});

/** What Kubernetes makes of arguments and values (third_party/forked/golang/expansion): $$ is a dollar, unknown names stay. */
function expanded(text: string, values: Readonly<Record<string, string>>): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const end = text.indexOf(")", i);
    if (text.startsWith("$$", i)) {
      out += "$";
      i++;
    } else if (text.startsWith("$(", i) && end > 0) {
      const name = text.slice(i + 2, end);
      out += values[name] ?? `$(${name})`;
      i = end;
    } else out += text[i] ?? "";
  }
  return out;
}
