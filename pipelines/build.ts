import { toYaml } from "../src/argo/index.ts";
import type { Plan } from "../src/config/plan.ts";
import { access } from "./access.ts";
import { benchmark, benchmarkRun, partsOf } from "./benchmark.ts";
import { type KubernetesObject, planConfigMap, slotsConfigMap } from "./config-map.ts";
import { clusterRun } from "./names.ts";
import { nightly } from "./nightly.ts";
import { storage } from "./storage.ts";

export interface BuiltFile {
  /** Relative to the folder of the config. */
  readonly path: string;
  readonly text: string;
  /** What it is, for the index. */
  readonly about: string;
}

/** Everything that a config becomes on a cluster, in the order in which it is applied; `run.yaml` is submitted. */
export function buildFiles(plan: Plan): BuiltFile[] {
  const run = clusterRun(plan);
  const shares = storage(run);
  const applied = [
    file("access.yaml", "namespace, service accounts, their rights, and limits", access(run)),
    ...(shares.length === 0 ? [] : [file("storage.yaml", "volumes and claims of the shares", shares)]),
    file("config.yaml", "the resolved config, and how many servers a pool has room for", [
      planConfigMap(run).object,
      slotsConfigMap(run).object,
    ]),
    ...partsOf(run).map((part) => ({
      path: numbered("benchmark", part),
      about: "the workflow's template",
      text: toYaml(benchmark(run, part)),
    })),
    ...(run.schedule === undefined
      ? []
      : [{ path: "nightly.yaml", about: "the same by the clock", text: toYaml(nightly(run, run.schedule)) }]),
  ];
  const submitted = partsOf(run).map((part) => ({
    path: numbered("run", part),
    about: "one run: argo submit",
    text: toYaml(benchmarkRun(run, part)),
  }));
  return [
    ...applied,
    ...submitted,
    kustomization(applied),
    index(plan.name, run.cluster.namespace, applied, submitted),
  ];
}

const numbered = (name: string, part: number) => (part === 1 ? `${name}.yaml` : `${name}-${part}.yaml`);

function file(path: string, about: string, objects: readonly KubernetesObject[]): BuiltFile {
  return { path, about, text: toYaml(...objects.map((object) => ({ object }))) };
}

/** `kubectl apply -k` takes a folder in this order. */
function kustomization(applied: readonly BuiltFile[]): BuiltFile {
  const object = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: applied.map(({ path }) => path),
  };
  return { path: "kustomization.yaml", about: "for kubectl apply -k", text: toYaml({ object }) };
}

function index(
  name: string,
  namespace: string,
  applied: readonly BuiltFile[],
  runs: readonly BuiltFile[],
): BuiltFile {
  const lines = [
    `# ${name} on a cluster`,
    "",
    "Made by `llmbench build`; change the config, not these files.",
    "",
    "1. Apply, in this order (or all at once: `kubectl apply -k .`):",
    "",
    "   | file | what it is |",
    "   | --- | --- |",
    ...applied.map(({ path, about }) => `   | \`${path}\` | ${about} |`),
    "",
    ...submitLines(namespace, runs),
    "",
    `Results lie on the results share, in \`runs\` by the workflow's name. Retry what failed: \`argo retry -n ${namespace} NAME\`.`,
    "",
  ];
  return { path: "README.md", about: "this index", text: lines.join("\n") };
}

/** More than one part: all in one run folder, so under one name. */
function submitLines(namespace: string, runs: readonly BuiltFile[]): string[] {
  const [only] = runs;
  if (runs.length === 1 && only !== undefined)
    return [`2. Submit: \`argo submit -n ${namespace} ${only.path} --watch\``];
  return [
    "2. Submit all parts under one name of your choice; they run one after the other:",
    "",
    ...runs.map(({ path }) => `   argo submit -n ${namespace} ${path} -p run=NAME`),
  ];
}
