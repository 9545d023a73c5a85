import { formatFinding, lint, type Manifest, toYaml } from "../src/argo/index.ts";
import { hubModels } from "../src/config/hub-models.ts";
import type { Plan } from "../src/config/plan.ts";
import { LlmbenchError } from "../src/error.ts";
import { access } from "./access.ts";
import { benchmark, benchmarkRun } from "./benchmark.ts";
import {
  type Bundles,
  type KubernetesObject,
  planConfigMap,
  runsConfigMap,
  slotsConfigMap,
} from "./config-map.ts";
import { models, modelsRun } from "./models.ts";
import { type ClusterRun, clusterRun, runSlots } from "./names.ts";
import { nightly } from "./nightly.ts";
import { mostCells, partsOf } from "./parts.ts";
import { checkConfigMap, warnOfSize } from "./sizes.ts";
import { storage } from "./storage.ts";

export interface BuiltFile {
  /** Relative to the folder of the config. */
  readonly path: string;
  readonly text: string;
  /** What it is, for the index. */
  readonly about: string;
  /** The same for the API server; none in what is for people and tools. */
  readonly objects: readonly (KubernetesObject | Manifest["object"])[];
}

export interface Built {
  /** In the order in which they are applied; `run.yaml` is submitted. */
  readonly files: readonly BuiltFile[];
  /** What no schema says and is worth a look, in words. */
  readonly warnings: readonly string[];
}

/**
 * Everything that a config becomes on a cluster. `bundles`: its plugins. Throws BUILD_NO_CLUSTER, BUILD_TOO_LARGE, and
 * BUILD_LINT with every error found.
 */
export function build(plan: Plan, bundles: Bundles = {}): Built {
  const run = clusterRun(plan);
  const parts = partsOf(run).map((part) => ({
    part,
    template: benchmark(run, part),
    submitted: benchmarkRun(run, part),
  }));
  const cron = run.schedule === undefined ? undefined : nightly(onePart(run), run.schedule);
  const bringing = hubModels(plan).length === 0 ? [] : [{ template: models(run), submitted: modelsRun(run) }];
  const manifests = [
    ...[...bringing, ...parts].flatMap(({ template, submitted }) => [template, submitted]),
    ...(cron === undefined ? [] : [cron]),
  ];
  const config = planConfigMap(run, bundles).object;
  checkConfigMap(config);
  const warnings = [
    ...lintAll(manifests, plan.name),
    ...parts.flatMap(({ template }) => warnOfSize(template, Math.min(run.cells.length, mostCells))),
  ];
  const shares = storage(run);
  const applied = [
    file("access.yaml", "namespace, service accounts, their rights, and limits", access(run)),
    ...(shares.length === 0 ? [] : [file("storage.yaml", "volumes and claims of the shares", shares)]),
    file("config.yaml", "the resolved config, its plugins, and how many servers a pool has room for", [
      config,
      slotsConfigMap(run).object,
      runsConfigMap(run),
    ]),
    ...bringing.map(({ template }) => ({
      path: "models.yaml",
      about: "what brings the models from their hub",
      text: toYaml(template),
      objects: [template.object],
    })),
    ...parts.map(({ part, template }) => ({
      path: numbered("benchmark", part),
      about: "the workflow's template",
      text: toYaml(template),
      objects: [template.object],
    })),
    ...(cron === undefined
      ? []
      : [
          {
            path: "nightly.yaml",
            about: "the same by the clock",
            text: toYaml(cron),
            objects: [cron.object],
          },
        ]),
  ];
  const submitted = parts.map(({ part, submitted }) => ({
    path: numbered("run", part),
    about: "one run: argo submit",
    text: toYaml(submitted),
    objects: [submitted.object],
  }));
  const first = bringing.map(({ submitted }) => ({
    path: "run-models.yaml",
    about: "brings the models: argo submit, before the first run",
    text: toYaml(submitted),
    // No run of the benchmark, which is what `llmbench submit` creates.
    objects: [],
  }));
  const index = indexOf(run, applied, first, submitted);
  return { files: [...applied, ...first, ...submitted, kustomization(applied), index], warnings };
}

/** What runs by the clock is one workflow: the cells of a second part would be left out without a word. */
function onePart(run: ClusterRun): ClusterRun {
  if (run.cells.length <= mostCells) return run;
  throw new LlmbenchError(
    "BUILD_TOO_LARGE",
    `A schedule starts one workflow, which takes at most ${mostCells} cells; ${run.name} has ${run.cells.length}.`,
    { hint: "make several configs of it, each with a schedule, or exclude cells (cells.exclude)" },
  );
}

/** A mistake of ours, or of a config that our checks let through: nothing is written then. */
function lintAll(manifests: readonly Manifest[], name: string): string[] {
  const findings = lint(manifests);
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    throw new LlmbenchError("BUILD_LINT", `The workflow of ${name} would not run as it should.`, {
      details: errors.flatMap((finding) => formatFinding(finding).split("\n")),
      hint: "this is a fault of llmbench: please report it with the config",
    });
  }
  return findings.map((finding) => formatFinding(finding));
}

const numbered = (name: string, part: number) => (part === 1 ? `${name}.yaml` : `${name}-${part}.yaml`);

function file(path: string, about: string, objects: readonly KubernetesObject[]): BuiltFile {
  return { path, about, text: toYaml(...objects.map((object) => ({ object }))), objects };
}

/** `kubectl apply --server-side -k` takes a folder in this order; without the option it refuses what is over 256 KiB. */
function kustomization(applied: readonly BuiltFile[]): BuiltFile {
  const object = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: applied.map(({ path }) => path),
  };
  return {
    path: "kustomization.yaml",
    about: "for kubectl apply --server-side -k",
    text: toYaml({ object }),
    objects: [],
  };
}

function indexOf(
  { name, cluster }: ClusterRun,
  applied: readonly BuiltFile[],
  first: readonly BuiltFile[],
  runs: readonly BuiltFile[],
): BuiltFile {
  const { namespace } = cluster;
  const secrets = secretsLine(cluster);
  const models = first.map(
    ({ path }) =>
      `Bring the models to the share; those that are there are skipped: \`argo submit -n ${namespace} ${path} --watch\``,
  );
  const lines = [
    `# ${name} on a cluster`,
    "",
    "Made by `llmbench build`; change the config, not these files.",
    "",
    "1. Apply, in this order (or all at once: `kubectl apply --server-side -k .`):",
    "",
    "   | file | what it is |",
    "   | --- | --- |",
    ...applied.map(({ path, about }) => `   | \`${path}\` | ${about} |`),
    "",
    ...[...secrets, ...models].flatMap((line, k) => [`${k + 2}. ${line}`, ""]),
    ...submitLines(namespace, runs, 2 + secrets.length + models.length),
    "",
    `Results lie on the results share, by the workflow's name. Retry what failed: \`argo retry -n ${namespace} NAME\`.`,
    "",
    ...removalLines(applied, namespace),
  ];
  return { path: "README.md", about: "this index", text: lines.join("\n"), objects: [] };
}

/** What the config names and nobody but a person can make. */
function secretsLine({ namespace, imagePullSecrets, secrets }: ClusterRun["cluster"]): string[] {
  const named = new Set([
    ...imagePullSecrets.map((name) => `\`${name}\` (of kind docker-registry)`),
    ...Object.values(secrets).map(({ name, key }) => `\`${name}\` with the key \`${key}\``),
  ]);
  if (named.size === 0) return [];
  return [
    `Make the Secrets that the config names in namespace \`${namespace}\`, unless they are there (\`kubectl create secret …\`): ${[...named].join(", ")}.`,
  ];
}

/** A namespace takes along what is in it; what belongs to the cluster is named, since nobody would look for it. */
function removalLines(applied: readonly BuiltFile[], namespace: string): string[] {
  const objects = applied.flatMap((file) => file.objects);
  const beyond = objects.filter(({ kind }) => kind === "PersistentVolume" || kind.startsWith("ClusterRole"));
  const names = beyond.map(({ kind, metadata }) => `${kind} \`${metadata?.name}\``).join(", ");
  // Accounts, rights and the lock of runs are shared by the configs of a namespace: of such files only what is this one's.
  const isShared = ({ kind, metadata }: BuiltFile["objects"][number]) =>
    kind === "Namespace" || metadata?.name === runSlots.configMap;
  const own = applied.filter((file) => !file.objects.some(isShared));
  const inShared = applied
    .filter((file) => file.objects.some(isShared))
    .flatMap((file) => file.objects.filter((object) => !isShared(object)))
    .filter(({ kind }) => kind === "ConfigMap" || kind === "ResourceQuota")
    .map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata?.name}`);
  return [
    "## To remove it again",
    "",
    `Stop what runs (\`argo stop -n ${namespace} NAME\`) and wait until its servers are gone. Then \`kubectl delete --ignore-not-found -k .\` deletes:`,
    "",
    `- the namespace \`${namespace}\` with all that is in it: every run, also of other configs, and Secrets that you made;`,
    ...(names === "" ? [] : [`- what belongs to no namespace: ${names}.`]),
    "",
    `Volumes of other configs of the namespace stay: the same in their folders removes them. Files on the shares stay.`,
    "",
    `This config alone, where the namespace has others: \`kubectl delete ${own.map(({ path }) => `-f ${path}`).join(" ")}\` and \`kubectl delete -n ${namespace} ${inShared.join(" ")}\`.`,
    "",
  ];
}

/** More than one part: all in one run folder, so under one name. */
function submitLines(namespace: string, runs: readonly BuiltFile[], number: number): string[] {
  const [only] = runs;
  if (runs.length === 1 && only !== undefined)
    return [`${number}. Submit: \`argo submit -n ${namespace} ${only.path} --watch\``];
  return [
    `${number}. Submit all parts under one name of your choice; they run one after the other:`,
    "",
    ...runs.map(({ path }) => `   argo submit -n ${namespace} ${path} -p run=NAME`),
  ];
}
