import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { execInPod } from "../servers/kubernetes/exec.ts";
import { labels } from "../servers/kubernetes/names.ts";
import type { Pod } from "../servers/kubernetes/objects.ts";
import { isRunning, isScheduled } from "../servers/kubernetes/pod-state.ts";
import { findTrouble } from "../servers/kubernetes/trouble.ts";
import { labelValue } from "../servers/kubernetes-names.ts";
import type { ExecOptions, ExecResult } from "../servers/server.ts";
import type { ClusterRuns } from "./cluster-runs.ts";
import { waitScript } from "./pod-scripts.ts";
import { podWaits } from "./waits.ts";
import { runOf, specOf, type Workflow, type WorkflowSpec } from "./workflow.ts";

export const resultsMount = "/results";

/** Longest life of a pod whose maker died without removing it, seconds. */
const longestSeconds = 3600;
const startMs = 180_000;
const container = "results";

/** What the pod is made of: as the steps of the run were, so that it may run where they did. */
export interface ResultsShare {
  readonly run: string;
  readonly spec: WorkflowSpec;
  /** Goes with it; none where only the template is left. */
  readonly owner?: Workflow;
}

/** A pod that sees the results share and can do nothing else. */
export interface ResultsPod {
  exec(words: readonly string[], options?: ExecOptions): Promise<ExecResult>;
}

/**
 * Makes the pod, calls `use`, and removes it whatever happened, also at `signal`. Read-only mount of the claim, the
 * restricted profile, no token. Throws FETCH_POD_FAILED with the reason where it does not start.
 */
export async function withResultsPod<T>(
  runs: ClusterRuns,
  share: ResultsShare,
  signal: AbortSignal,
  use: (pod: ResultsPod) => Promise<T>,
): Promise<T> {
  const manifest = resultsPod(share, runs.namespace, `llmbench-fetch-${randomBytes(4).toString("hex")}`);
  const path = `${runs.resources.podsPath}/${manifest.metadata.name}`;
  try {
    signal.throwIfAborted();
    await runs.client.create(path, manifest);
    const pod = await started(runs, path, signal);
    return await use({
      exec: async (words, options = {}) =>
        await execInPod(runs.resources, pod, words, { signal, ...options, container }),
    });
  } finally {
    await runs.client.delete(path, { graceSeconds: 1 }).catch(() => {});
  }
}

/** The pod's manifest. Throws FETCH_NO_SHARE for a workflow that mounts no results. */
function resultsPod({ run, spec, owner }: ResultsShare, namespace: string, name: string) {
  const template = spec.templates?.find(({ name }) => name === "finish");
  const mount = template?.container?.volumeMounts?.find(({ mountPath }) => mountPath === resultsMount);
  const volume = [...(template?.volumes ?? []), ...(spec.volumes ?? [])].find(
    (each) => each.name === mount?.name,
  );
  if (mount === undefined || volume === undefined || template?.container?.image === undefined) {
    throw new LlmbenchError("FETCH_NO_SHARE", `The workflow of ${run} says nothing of a results share.`, {
      exitStatus: ExitStatus.usage,
      hint: "Name the config that it was built of: --config CONFIG",
    });
  }
  const { metadata } = owner ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels: {
        [labels.managedBy]: "llmbench",
        [labels.component]: "fetch",
        [labels.run]: labelValue(run),
      },
      ...(metadata?.uid === undefined
        ? {}
        : {
            ownerReferences: [
              {
                apiVersion: "argoproj.io/v1alpha1",
                kind: "Workflow",
                name: metadata.name,
                uid: metadata.uid,
              },
            ],
          }),
    },
    spec: {
      restartPolicy: "Never",
      activeDeadlineSeconds: longestSeconds,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(spec.imagePullSecrets === undefined ? {} : { imagePullSecrets: spec.imagePullSecrets }),
      ...(template.tolerations === undefined ? {} : { tolerations: template.tolerations }),
      ...(template.affinity === undefined ? {} : { affinity: template.affinity }),
      ...(template.nodeSelector === undefined ? {} : { nodeSelector: template.nodeSelector }),
      securityContext: {
        ...spec.securityContext,
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: container,
          image: template.container.image,
          ...(template.container.imagePullPolicy === undefined
            ? {}
            : { imagePullPolicy: template.container.imagePullPolicy }),
          command: ["node", "-e", waitScript],
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "512Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            readOnlyRootFilesystem: true,
          },
          volumeMounts: [
            {
              name: "results",
              mountPath: resultsMount,
              readOnly: true,
              ...(mount.subPath === undefined ? {} : { subPath: mount.subPath }),
            },
          ],
        },
      ],
      volumes: [{ name: "results", persistentVolumeClaim: volume.persistentVolumeClaim }],
    },
  };
}

async function started(runs: ClusterRuns, path: string, signal: AbortSignal): Promise<Pod> {
  const begun = performance.now();
  for (;;) {
    const pod = await runs.client.get<Pod>(path, signal);
    if (pod === undefined) throw notStarted("it was removed", "Run the same command again.");
    if (isRunning(pod)) return pod;
    const waited = performance.now() - begun;
    const events = await runs.resources.events(pod.metadata?.uid ?? "", signal);
    const trouble = findTrouble(pod, events);
    if (trouble !== undefined && waited > trouble.graceMs) throw notStarted(trouble.message, trouble.hint);
    if (waited > startMs) {
      const why = isScheduled(pod) ? "it did not start in time" : podWaits(pod, "it");
      throw notStarted(
        why ?? "it did not start in time",
        `kubectl describe pod -n ${runs.namespace} says more.`,
      );
    }
    await sleep(500, undefined, { signal });
  }
}

function notStarted(why: string, hint: string): LlmbenchError {
  return new LlmbenchError("FETCH_POD_FAILED", `The pod that reads the results share: ${why}`, { hint });
}

/** What a run's results lie on: as its Workflow says, or the newest template that it may have been made of. */
export async function findShare(
  runs: ClusterRuns,
  run: string,
  template?: WorkflowSpec,
): Promise<ResultsShare> {
  const workflow = await runs.findNamed(run);
  if (workflow !== undefined) return { run: runOf(workflow), spec: specOf(workflow), owner: workflow };
  if (template !== undefined) return { run, spec: template };
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${runs.namespace}/workflowtemplates`;
  const { items } = await runs.client.list<Workflow>(path);
  const [longest] = items
    .filter(({ metadata }) => run.startsWith(`${metadata?.name}-`))
    .sort((a, b) => (b.metadata?.name?.length ?? 0) - (a.metadata?.name?.length ?? 0));
  if (longest?.spec !== undefined) return { run, spec: longest.spec };
  // Says which names there are.
  const owner = await runs.find(run);
  return { run, spec: specOf(owner), owner };
}
