import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../pipelines/build.ts";
import type { Plan } from "../../src/config/plan.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { taskNames } from "../../src/servers/kubernetes-names.ts";
import { llmbench } from "../cli/llmbench.ts";
import { call } from "../cluster/cluster.ts";
import { type FaultyWorkflow, getWorkflow, serversOf, until, type WorkflowNode } from "./cluster-client.ts";
import { type FaultConfig, faultPlan } from "./fault-config.ts";
import { finishedMeasurements, type Measurement } from "./measurements.ts";
import { namespace } from "./place.ts";

const over = new Set(["Succeeded", "Failed", "Error"]);
/** A server may be there for so long after a run's end, seconds. */
const allowedSeconds = 60;

export interface Ended {
  readonly phase: string;
  /** What the workflow itself says. */
  readonly message: string;
  /** Since it was submitted or retried. */
  readonly seconds: number;
}

/** A run of a config in which a fault is to happen: its workflow, its folder, and what became of its servers. */
export class FaultRun {
  readonly name: string;
  readonly plan: Plan;
  /** Where its results lie, as this process sees it. */
  readonly folder: string;
  #begunMs = performance.now();

  private constructor(name: string, plan: Plan) {
    this.name = name;
    this.plan = plan;
    const results = plan.cluster?.storage.results;
    if (results?.kind !== "host-path") throw new Error(`${name} writes to no folder of the nodes`);
    this.folder = join(results.path, name);
  }

  /** Applies what a config becomes on a cluster, without running it. */
  static async apply(config: FaultConfig): Promise<{ plan: Plan; submit: () => FaultRun }> {
    const plan = await faultPlan(config);
    const { files } = build(plan);
    const applied = files.filter(({ path }) => !/^(run|README|kustomization)/.test(path));
    apply(applied.map(({ text }) => text).join("\n---\n"));
    const text = files.find(({ path }) => path === "run.yaml")?.text ?? "";
    return { plan, submit: () => new FaultRun(submit(text), plan) };
  }

  /** Applies a config and submits one run of it. */
  static async start(config: FaultConfig): Promise<FaultRun> {
    return (await FaultRun.apply(config)).submit();
  }

  /** A run that somebody else submitted: the clock. */
  static of(name: string, plan: Plan): FaultRun {
    return new FaultRun(name, plan);
  }

  async workflow(): Promise<FaultyWorkflow> {
    return await getWorkflow(this.name);
  }

  /** A step's last try: of a cell, or (`prepare`, `finish`) of the run. Undefined until it is made. */
  async step(step: string, cell?: string): Promise<WorkflowNode | undefined> {
    const task = cell === undefined ? [] : [taskNames(this.plan.cells.map(({ id }) => id)).get(cell) ?? cell];
    const last = step === "teardown" || step === "finish" ? "onExit" : step;
    const path = [this.name, ...task, last].join(".");
    const { status } = await this.workflow();
    const tries = Object.values(status?.nodes ?? {}).filter(
      ({ name, type }) => type === "Pod" && (name === path || name.startsWith(`${path}(`)),
    );
    return tries.sort((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? "")).at(-1);
  }

  /** Waits until a step is in one of these phases. */
  async untilStep(
    step: string,
    cell: string | undefined,
    phases: readonly string[] = ["Running"],
    seconds = 900,
  ): Promise<WorkflowNode> {
    return await until(
      `${step} of ${cell ?? "the run"} to be ${phases.join(" or ")}`,
      async () => {
        const node = await this.step(step, cell);
        return node !== undefined && phases.includes(node.phase) ? node : undefined;
      },
      seconds,
    );
  }

  /** Waits until requests of a point are being recorded, not until it is done. */
  async untilMeasuring(cell: string, point: "quick" | "long", seconds = 900): Promise<void> {
    const id = this.plan.cells
      .find((planned) => planned.id === cell)
      ?.points.find((planned) => planned.id.startsWith(point))?.id;
    if (id === undefined) throw new Error(`no point ${point} of ${cell}`);
    const records = join(this.folder, "cells", cell, "points", id, "1", "requests.ndjson.gz.partial");
    await until(`${id} of ${cell} to be measured`, () => existsSync(records) || undefined, seconds);
  }

  /** Waits for the workflow's end. */
  async untilEnded(seconds = 1500): Promise<Ended> {
    return await until(
      `the end of ${this.name}`,
      async () => {
        const { status } = await this.workflow();
        const { phase = "", message = "" } = status ?? {};
        if (!over.has(phase)) return undefined;
        return { phase, message, seconds: (performance.now() - this.#begunMs) / 1000 };
      },
      seconds,
    );
  }

  /** What was measured and need not be again. */
  finished(): ReadonlyMap<string, Measurement> {
    return finishedMeasurements(this.folder, this.plan);
  }

  /** What its finish wrote. */
  results(): Results {
    return JSON.parse(readFileSync(join(this.folder, "results.json"), "utf8")) as Results;
  }

  /** `argo retry`, as a person types it. */
  retry(words: readonly string[] = []): void {
    call("argo", ["retry", "-n", namespace, this.name, ...words]);
    this.#begunMs = performance.now();
  }

  /** One cell again from its deploy, by llmbench's own command. */
  async retryCell(cell: string): Promise<void> {
    const words = ["retry", this.name, "--cell", cell, "-n", namespace];
    const { status, stderr } = await llmbench(words, { cwd: tmpdir() });
    if (status !== 0) throw new Error(`llmbench ${words.join(" ")}: ${stderr}`);
    this.#begunMs = performance.now();
  }

  /** The cells that failed again from their deploy, those that succeeded left alone. */
  retryCells(): void {
    this.retry(["--restart-successful", "--node-field-selector", "templateName=cell,phase=Failed"]);
  }

  /**
   * What is left of the run's servers in any namespace a minute after its end; gone sooner, it is looked at no longer.
   * Call at the workflow's end.
   */
  async serversLeft(): Promise<string[]> {
    const end = performance.now() + allowedSeconds * 1000;
    let left = await serversOf(this.name);
    await until(
      "servers to go",
      async () => {
        left = await serversOf(this.name);
        return left.length === 0 || performance.now() > end ? true : undefined;
      },
      allowedSeconds + 30,
    );
    return left;
  }

  /** Nodes that are pods and did not succeed, with what they say: for messages of tests. */
  async troubles(): Promise<string[]> {
    const { status } = await this.workflow();
    return Object.values(status?.nodes ?? {})
      .filter(({ type, phase }) => type === "Pod" && phase !== "Succeeded")
      .map(({ name, phase, message }) => `${name} ${phase}: ${message ?? ""}`);
  }

  /** Deletes the workflow: the next fault begins with an empty namespace. */
  delete(): void {
    call("argo", ["delete", "-n", namespace, this.name]);
  }
}

/** The cell of a variant. */
export function cellOf({ cells }: Plan, variant: string): string {
  const cell = cells.find((planned) => planned.variant === variant);
  if (cell === undefined) throw new Error(`no cell of ${variant}`);
  return cell.id;
}

/** `kubectl apply` of manifests. */
export function apply(text: string): void {
  call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
}

function submit(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-submit-"));
  try {
    const file = join(folder, "run.yaml");
    writeFileSync(file, text);
    return call("argo", ["submit", "-n", namespace, file, "-o", "name"]).trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
