import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { refusal, temporaryFolder } from "../workspace.ts";
import { echoArguments, hostileNames, planText, shell, writeConfig } from "./plan.ts";

const at = temporaryFolder();
afterEach(() => void vi.restoreAllMocks());

/** A plan from a folder, in which configuration and artifacts have this name. */
function workflow(name: string, artifacts = "artifacts", shards = 3): Promise<string> {
  const folder = at("repository");
  mkdirSync(folder, { recursive: true });
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  const file = writeConfig(join(folder, name, `${name}.json`));
  return planText({ file, format: "github-actions", shards, artifacts: join(folder, artifacts) });
}

/** GitHub's own parser: what it refuses, and what it understood. */
async function understood(content: string) {
  const { context, value } = parseWorkflow({ name: "models.yml", content }, new NoOperationTraceWriter());
  if (value === undefined) throw new Error("no workflow");
  const template = await convertWorkflowTemplate(context, value);
  return { errors: context.errors.getErrors().map(({ message }) => message), template };
}

interface Workflow {
  readonly jobs: {
    readonly build: {
      readonly env: Record<string, string>;
      readonly steps: readonly { readonly name: string; readonly run?: string }[];
    };
  };
}

/** GitHub's expressions in a text, of which these are used. */
const evaluated = (text: string, values: Readonly<Record<string, string>> = {}): string =>
  text.replaceAll(/\$\{\{ (?:'((?:[^']|'')*)'|([\w.]+)) \}\}/g, (_, literal?: string, name?: string) =>
    literal === undefined ? (values[name ?? ""] ?? "") : literal.replaceAll("''", "'"),
  );

describe("a workflow", () => {
  test("is one that GitHub's parser takes, with a job per part", async () => {
    const text = await workflow("models");
    const { errors, template } = await understood(text);
    expect(errors).toEqual([]);
    expect(template.jobs.length).toBe(1);
    expect(parse(text)).toMatchObject({
      permissions: { contents: "read" },
      jobs: { build: { strategy: { "fail-fast": false, matrix: { shard: [1, 2, 3] } } } },
    });
    expect(await workflow("models")).toBe(text);
  });

  test("is refused by that parser where a key is misspelled", async () => {
    const text = await workflow("models");
    expect((await understood(text.replace("runs-on", "run-on"))).errors).not.toEqual([]);
    expect((await understood(text.replace("matrix.shard", "matrix.shard +"))).errors).not.toEqual([]);
  });

  test.each(hostileNames)("says the name %j as it is, to GitHub and to the shell", async (name) => {
    const text = await workflow(name);
    const { errors } = await understood(text);
    expect(errors).toEqual([]);
    const { build } = (parse(text) as Workflow).jobs;
    const env = Object.fromEntries(Object.entries(build.env).map(([key, value]) => [key, evaluated(value)]));
    const place = `${name.startsWith("-") ? "./" : ""}${name}/${name}.json`;
    expect(env["CONFIG"]).toBe(place);
    const { run = "" } = build.steps.find((step) => step.name === "Build") ?? {};
    const said = shell(
      evaluated(run.replace("npx timmc", echoArguments), { "matrix.shard": "2" }),
      at("repository"),
      env,
    );
    expect(JSON.parse(said)).toEqual(["build", place, "-o", "artifacts", "--shard", "2/3"]);
  });

  test.each(["out[1]", "a*", "a,\nb", "!a"])("refuses to upload %j", async (artifacts) => {
    expect(await refusal(workflow("models", artifacts))).toMatch(/^usage: /);
  });

  test("refuses what is not in the repository, and has no more parts than variants", async () => {
    expect(await refusal(workflow("models", "../elsewhere"))).toMatch(/^usage: \.\.\/elsewhere: .*this is outside/);
    expect(await workflow("models", "artifacts", 50)).toContain('--shard "${{ matrix.shard }}/4"');
  });
});
