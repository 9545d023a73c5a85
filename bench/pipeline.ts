import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { stringify } from "yaml";
import type { Plan } from "../src/config/plan.ts";
import { resolveModel } from "../src/engines/models.ts";
import { Results } from "../src/results/schema/results.ts";
import { call, clusterMissing, readWorkflow, troubles } from "../test/cluster/cluster.ts";
import { fileOf, inNamespace, testPlan } from "../test/cluster/configs.ts";
import setUp from "../test/cluster/set-up.ts";
import { type Causes, causesOf } from "./pipeline-causes.ts";
import { watchPods } from "./pod-watch.ts";

/**
 * Time that the pipeline takes beyond the benchmark: one cell alone on a cluster, and the same cell on this machine, in
 * turns. The difference by cause, from what the cluster says of each pod and what each step logs of itself.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    cell: { type: "string", multiple: true, default: ["llamacpp--smollm2-135m", "vllm--smollm2-135m"] },
    namespace: { type: "string", default: "llmbench-bench" },
    json: { type: "string" },
  },
});
const target = 60;
const program = fileURLToPath(new URL("../dist/llmbench.mjs", import.meta.url));
const run = promisify(execFile);
const seconds = (ms: number) => ms / 1000;

setUp();
const missing = clusterMissing();
if (missing !== undefined) {
  process.stderr.write(`bench of the pipeline: ${missing}\n`);
  process.exit(2);
}
const { namespace } = values;
const share = join(process.env["LLMBENCH_SHARE"] ?? "", namespace);
const whole = inNamespace(await testPlan(share), namespace);
const model = await resolveModel({ id: "m", package: "smollm2-135m" }, "llamacpp", { report: () => {} });

/** The plan of one cell, under a name of its own. */
function planOf(id: string): Plan {
  const cells = whole.cells.filter((cell) => cell.id === id);
  if (cells.length === 0) throw new Error(`configs/cluster-test.yaml has no cell ${id}`);
  const { baseline: _none, ...plan } = whole;
  return { ...plan, name: id.split("--", 1)[0] as string, cells };
}

function prepareCluster(plans: readonly Plan[]): void {
  removeAll();
  for (const { folder = "" } of whole.cells.map((cell) => cell.model)) {
    mkdirSync(join(share, "models", folder), { recursive: true });
    copyFileSync(model.path as string, join(share, "models", folder, "model.gguf"));
  }
  mkdirSync(join(share, "results"), { recursive: true });
  // Steps write there as a user of their own.
  chmodSync(join(share, "results"), 0o777);
  for (const plan of plans)
    for (const name of ["access.yaml", "storage.yaml", "config.yaml", "benchmark.yaml"])
      call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], fileOf(plan, name));
}

function removeAll(): void {
  call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
  const volumes = call("kubectl", ["get", "pv", "-o", "name"]).split("\n");
  const ours = volumes.filter((name) => name.startsWith(`persistentvolume/${namespace}-`));
  if (ours.length > 0) call("kubectl", ["delete", "--wait", ...ours]);
  rmSync(share, { recursive: true, force: true });
}

interface Timed {
  readonly wallSeconds: number;
  readonly results: Results;
}

const readResults = (folder: string) =>
  Results.parse(JSON.parse(readFileSync(join(folder, "results.json"), "utf8")));

async function runOnCluster(plan: Plan): Promise<Timed & { causes: Causes }> {
  const file = join(share, "run.yaml");
  writeFileSync(file, fileOf(plan, "run.yaml"));
  const watched = watchPods(namespace);
  try {
    const begunMs = performance.now();
    const submitted = await run("argo", ["submit", "-n", namespace, file, "-o", "name"]);
    const name = submitted.stdout.trim();
    await run("argo", ["wait", "-n", namespace, name]);
    const endedMs = performance.now();
    const workflow = readWorkflow(namespace, name);
    if (workflow.status.phase !== "Succeeded") throw new Error(troubles(workflow).join("\n"));
    const causes = await causesOf([...watched.pods.values()], { begunMs, endedMs });
    return {
      wallSeconds: seconds(endedMs - begunMs),
      results: readResults(join(share, "results", name)),
      causes,
    };
  } finally {
    watched.stop();
  }
}

/** The same engine, model, settings and load, by the local executor. */
async function runHere(plan: Plan): Promise<Timed> {
  const folder = join(share, "here");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const [cell] = plan.cells;
  if (cell?.server.kind !== "kubernetes") throw new Error("not a cell of a cluster");
  const { server, variant } = cell;
  const threads = Math.floor(Number(server.resources.cpu ?? 1));
  const settings = server.simulated === undefined ? { ...server.settings, threads } : server.settings;
  const config = {
    engines: { [variant]: { settings, ...(server.simulated === undefined ? {} : { simulated: true }) } },
    models: { [cell.model.id]: { path: model.path } },
    load: {
      warmup: cell.warmupRequests,
      blocks: [
        {
          name: "batching",
          concurrency: cell.points.map(({ load }) => load.concurrency),
          outputTokens: cell.points[0]?.load.outputTokens,
          requests: cell.points[0]?.load.requests,
        },
      ],
    },
  };
  const file = join(folder, "here.yaml");
  writeFileSync(file, stringify(config));
  const begunMs = performance.now();
  await run(process.execPath, [program, "run", file, "--out", join(folder, "runs")]);
  const wallSeconds = seconds(performance.now() - begunMs);
  const [only = ""] = readdirSync(join(folder, "runs"));
  return { wallSeconds, results: readResults(join(folder, "runs", only)) };
}

/** Until the first completion, and while points were measured: what both have. */
function sharedParts({ results }: Timed): { startSeconds: number; measuredSeconds: number } {
  const [cell] = results.cells;
  const measurements = cell?.points.flatMap(({ measurements }) => measurements) ?? [];
  return {
    startSeconds: seconds(cell?.startup?.firstCompletionMs ?? Number.NaN),
    measuredSeconds: measurements.reduce((sum, { instrument }) => sum + (instrument?.wallSeconds ?? 0), 0),
  };
}

function spread(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (place: number) => (sorted[place] ?? Number.NaN).toFixed(1).padStart(6);
  return [at(0), at(Math.floor(sorted.length / 2)), at(sorted.length - 1)].join(" /");
}

const plans = values.cell.map(planOf);
const rounds: Record<string, Record<string, number>[]> = Object.fromEntries(
  values.cell.map((id) => [id, []]),
);
try {
  prepareCluster(plans);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [index, plan] of plans.entries()) {
      const there = await runOnCluster(plan);
      const here = await runHere(plan);
      rounds[values.cell[index] as string]?.push({
        "on the cluster, submit to end": there.wallSeconds,
        "on this machine": here.wallSeconds,
        difference: there.wallSeconds - here.wallSeconds,
        ...there.causes,
        "server start to first completion, cluster": sharedParts(there).startSeconds,
        "server start to first completion, here": sharedParts(here).startSeconds,
        "points measured, cluster": sharedParts(there).measuredSeconds,
        "points measured, here": sharedParts(here).measuredSeconds,
      });
    }
  }
} finally {
  removeAll();
}

const cores = cpus();
const lines = [
  `${values.rounds} rounds; node ${process.version}, ${cores.length} x ${cores[0]?.model ?? "?"}; seconds, min / median / max`,
];
let missed = false;
for (const [id, all] of Object.entries(rounds)) {
  lines.push("", id);
  for (const what of Object.keys(all[0] ?? {}))
    lines.push(`  ${what.padEnd(46)}${spread(all.map((one) => one[what] ?? Number.NaN))}`);
  const differences = all.map((one) => one["difference"] ?? Number.NaN).sort((a, b) => a - b);
  missed ||= !((differences[Math.floor(differences.length / 2)] ?? Number.NaN) < target);
}
lines.push("", `wanted: under ${target} s beyond the local run, median: ${missed ? "MISSED" : "met"}`);
process.stdout.write(`${lines.join("\n")}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rounds, null, 2)}\n`);
process.exitCode = missed ? 1 : 0;
