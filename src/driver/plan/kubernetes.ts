import { basename, extname } from "node:path/posix";
import type { Work } from "./plan.ts";
import { yamlText } from "./yaml.ts";

interface KubernetesOptions {
  readonly command: string;
  readonly image: string;
}

/**
 * A volume claim and an Indexed Job with a pod per shard. All pods see the one volume: the build cache below `cache`, the
 * configuration, what it names and the artifacts below `work`.
 */
export function kubernetesJob(
  { config, artifacts, shards = 1, memory }: Work,
  { command, image }: KubernetesOptions,
): string {
  const name = objectName(config);
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name },
    spec: { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "100Gi" } } },
  };
  const mebibytes = `${Math.ceil(memory / 2 ** 20)}Mi`;
  const environment = { CONFIG: config, ARTIFACTS: artifacts, TIMMC_CACHE: "/timmc/cache" };
  const container = {
    name: "build",
    image,
    workingDir: "/timmc/work",
    command: ["/bin/sh", "-c"],
    args: [
      literal(`exec ${command} build "$CONFIG" -o "$ARTIFACTS" --shard "$((JOB_COMPLETION_INDEX + 1))/${shards}"`),
    ],
    env: Object.entries(environment).map(([key, value]) => ({ name: key, value: literal(value) })),
    resources: { requests: { memory: mebibytes, cpu: "2" }, limits: { memory: mebibytes } },
    volumeMounts: [{ name: "timmc", mountPath: "/timmc" }],
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      completionMode: "Indexed",
      completions: shards,
      parallelism: shards,
      backoffLimit: 2 * shards,
      template: {
        spec: {
          restartPolicy: "Never",
          containers: [container],
          volumes: [{ name: "timmc", persistentVolumeClaim: { claimName: name } }],
        },
      },
    },
  };
  return yamlText(
    "Written by timmc plan. Before the job starts, put the configuration and the local files that it names\nbelow work/ of the volume: paths start there.",
    [claim, job],
  );
}

/** Kubernetes replaces $(NAME) in arguments and values, and takes two dollars for one. */
const literal = (text: string): string => text.replaceAll("$", "$$$$");

/** A DNS label, with room for what a job's pods add. */
function objectName(config: string): string {
  const letters = basename(config, extname(config))
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, "");
  return letters.startsWith("timmc") || letters === "" ? letters || "timmc" : `timmc-${letters}`;
}
