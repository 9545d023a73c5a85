import { posix } from "node:path";
import {
  container,
  dag,
  fromFile,
  mutex,
  oneOf,
  secret,
  string,
  workflow,
  workflowTemplate,
} from "../src/argo/index.ts";
import { type SharePlan, secretsOf } from "../src/config/cluster-plan.ts";
import { type HubModel, hubModels } from "../src/config/hub-models.ts";
import { configObjectName, kubernetesName, taskNames } from "../src/servers/kubernetes-names.ts";
import { accounts, type ClusterRun } from "./names.ts";
import { commonPod, places, runSpec, shareMount } from "./pods.ts";

const templateName = (plan: ClusterRun) => configObjectName(plan.name, "models");

/**
 * The workflow that brings each model of a config from its hub to the models share: a task a model, some at a time, each
 * alone in its folder. What was begun is gone on with, what is there is skipped. Its pods may do nothing in the cluster.
 */
export function models(plan: ClusterRun) {
  const check = oneOf(["changed", "all"], {
    default: "changed",
    description:
      "Of a model that is there, the files that are read again for their checksum: those changed since it was right, or all.",
  });
  const wanted = hubModels(plan);
  const names = taskNames(wanted.map(({ folder }) => folder));
  const everyModel = dag(
    "models",
    { inputs: { check }, failFast: false, parallelism: hubOf(plan).atOnce },
    (d) => {
      for (const model of wanted) {
        d.task(names.get(model.folder) ?? model.folder, fetchModel(plan, model), { check: d.inputs.check });
      }
    },
  );
  return workflowTemplate(templateName(plan), {
    ...runSpec(plan),
    runLabels: label(plan),
    entry: everyModel,
    ...titles(plan),
    serviceAccount: accounts.models,
  });
}

/** One run of it: `argo submit run-models.yaml`. */
export function modelsRun(plan: ClusterRun) {
  return workflow(
    { generateName: `${templateName(plan)}-` },
    { of: models(plan), namespace: plan.cluster.namespace, labels: label(plan), ...titles(plan) },
  );
}

/** By which it is told from a run of the benchmark. */
const label = (plan: ClusterRun) => ({ "llmbench.dev/models": configObjectName(plan.name) });

/** A model that failed has no outputs, and its node must still say why it failed. */
const output = (name: string) => fromFile(`${places.outputs}/${name}`, string({ default: "" }));

function fetchModel(plan: ClusterRun, { folder, source }: HubModel) {
  const { cluster } = plan;
  const common = commonPod(plan);
  const hub = hubOf(plan);
  const secrets = Object.entries(secretsOf(hub, cluster));
  const plain = Object.entries(hub.env).filter(([key]) => !hub.secretEnv.includes(key));
  return container(
    // Argo makes a pod's name of it.
    kubernetesName(`fetch-${folder}`),
    {
      inputs: { check: string() },
      outputs: {
        revision: output("commit"),
        files: output("files"),
        bytes: output("bytes"),
        receivedBytes: output("receivedBytes"),
      },
    },
    (c) =>
      c.run({
        ...common,
        args: [
          "models",
          "fetch",
          source.repo,
          "--revision",
          source.revision,
          "--to",
          posix.join(places.models, folder),
          "--check",
          c.inputs.check,
          "--outputs",
          places.outputs,
          ...(hub.secretEnv.includes(tokenName) ? ["--token-env", tokenName] : []),
          ...(source.include === undefined ? [] : ["--include", ...source.include]),
        ],
        env: {
          ...common.env,
          ...Object.fromEntries(plain),
          // Without its Secret a pod would wait for ever and say nothing: the program says what is missing.
          ...Object.fromEntries(
            secrets.map(([key, from]) => [
              key,
              secret(from.name).key(from.key, { optional: key === tokenName }),
            ]),
          ),
        },
        resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "1Gi" } },
        mounts: { ...common.mounts, [places.models]: shareMount(plan, "models") },
        locks: [mutex(lockName(cluster.storage.models, folder))],
      }),
  );
}

const tokenName = "HF_TOKEN";

function hubOf({ cluster: { hub } }: ClusterRun) {
  if (hub === undefined) throw new RangeError("a plan with models of a hub that was not resolved here");
  return hub;
}

/** The same for everyone who writes into the same folder of the same share, whatever their config is called. */
function lockName(share: SharePlan, folder: string): string {
  return kubernetesName(`llmbench-model ${placeOf(share, posix.join("/", share.subPath ?? "", folder))}`);
}

function placeOf(share: SharePlan, below: string): string {
  if (share.kind === "claim") return share.claim + below;
  if (share.kind === "oci-fss") return share.fileSystem + posix.join(share.exportPath, below);
  const path = posix.join(share.path, below);
  return share.kind === "nfs" ? `${share.server}:${path}` : path;
}

function titles(plan: ClusterRun) {
  const sources = hubModels(plan).map(({ folder, source }) => `${source.repo} to ${folder}`);
  return { title: `${plan.name}: models`, description: sources.join(", ") };
}
