import { TimmcError } from "../../ir/error.ts";
import type { Work } from "./plan.ts";
import { yamlText } from "./yaml.ts";

/**
 * A workflow with a job per shard. The build cache is found by its prefix and saved under a new key, since GitHub never
 * changes an entry: what is in it is found by content, so an older one is never wrong. Texts of users reach the shell by the
 * environment alone.
 */
export function githubWorkflow({ config, artifacts, shards = 1 }: Work, { command }: { command: string }): string {
  const cache = { path: ".timmc-cache" };
  const key = "timmc-${{ runner.os }}-${{ matrix.shard }}-";
  const step = (name: string, rest: object): object => ({ name, ...rest });
  const workflow = {
    name: "timmc build",
    on: { workflow_dispatch: {}, push: { branches: ["main"] } },
    permissions: { contents: "read" },
    jobs: {
      build: {
        name: `shard \${{ matrix.shard }} of ${shards}`,
        "runs-on": "ubuntu-latest",
        strategy: { "fail-fast": false, matrix: { shard: Array.from({ length: shards }, (_, i) => i + 1) } },
        env: {
          CONFIG: literal(config),
          ARTIFACTS: literal(artifacts),
          TIMMC_CACHE: "${{ github.workspace }}/.timmc-cache",
        },
        steps: [
          step("Check out", { uses: "actions/checkout@v4" }),
          step("Set up Node", { uses: "actions/setup-node@v4", with: { "node-version": "22" } }),
          step("Install", { run: "npm ci" }),
          step("Restore the build cache", {
            uses: "actions/cache/restore@v4",
            with: {
              ...cache,
              key: `${key}\${{ github.run_id }}`,
              "restore-keys": `${key}\ntimmc-\${{ runner.os }}-\n`,
            },
          }),
          step("Build", {
            run: `${literal(command)} build "$CONFIG" -o "$ARTIFACTS" --shard "\${{ matrix.shard }}/${shards}"`,
          }),
          step("Save the build cache", {
            if: "always()",
            uses: "actions/cache/save@v4",
            with: { ...cache, key: `${key}\${{ github.run_id }}-\${{ github.run_attempt }}` },
          }),
          step("Upload the artifacts", {
            if: "always()",
            uses: "actions/upload-artifact@v4",
            with: {
              name: "artifacts-${{ matrix.shard }}",
              path: literal(pattern(artifacts)),
              "if-no-files-found": "warn",
            },
          }),
        ],
      },
    },
  };
  return yamlText(
    "Written by timmc plan: put it into .github/workflows. Paths start from the root of the repository.",
    [workflow],
  );
}

/** A text that GitHub takes as it is: what begins an expression becomes one that gives it. */
const literal = (text: string): string => text.replaceAll("${{", "${{ '${{' }}");

/** A path that upload-artifact takes: it reads patterns, in which nothing stands for their own characters. */
function pattern(path: string): string {
  if (!/[*?[\]!#~"<>|:\\]|^\s|\s$/.test(path)) return path;
  throw new TimmcError("usage", `actions/upload-artifact has no way to say the folder ${JSON.stringify(path)}`, {
    hint: "Choose a folder of plain letters with --artifacts.",
  });
}
