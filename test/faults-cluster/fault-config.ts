import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toYaml } from "../../src/argo/index.ts";
import type { CellPlan, Plan } from "../../src/config/plan.ts";
import { readPlan } from "../../src/config/read-plan.ts";
import { namespace, share } from "./place.ts";

/** What one fault's config differs in from the others'. All simulated, so a point lasts as long as the fault needs. */
export interface FaultConfig {
  /** Of the config, so of its workflow and objects: lower-case letters, digits and `-`. */
  readonly name: string;
  /** Variants, each a cell of the model `m`. Default: two, so that one can be unharmed. */
  readonly variants?: readonly string[];
  /** Seconds of the second point, `long`, as near as whole requests come. The first, `quick`, takes about three. */
  readonly longSeconds?: number;
  /** A variant's simulated server: options of `engines.NAME.simulated`. */
  readonly profiles?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Further keys of a variant: `startTimeout`, `resources`, or, in place of the simulator, an engine's own. */
  readonly engines?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Further keys of `cluster`, over ours. */
  readonly cluster?: Readonly<Record<string, unknown>>;
  /** Further keys of `load`, over ours. */
  readonly load?: Readonly<Record<string, unknown>>;
  /** Further keys of the file. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Models by key, with their folder below the share. */
  readonly models?: Readonly<Record<string, string>>;
  /** What no config can say: a simulator that crashes, another image. */
  readonly change?: (cell: CellPlan) => CellPlan;
}

const node = process.env["LLMBENCH_FAULTS_NODE"] ?? "cpu-1";

/**
 * Of `cluster`: both servers on the node without GPUs. A fault of a server or a step is the same there, and waits for no
 * GPU node that others use; every verdict is `suspect`, since the two share a node. There is room for those of two who try at once.
 */
export const onOneNode = {
  pools: { a10: { nodeSelector: { "kubernetes.io/hostname": node }, servers: 2 } },
  serversPerNode: 4,
};

/** Requests of the point that is measured before a fault strikes. */
const quickRequests = 6;
const outputTokens = 16;
/** Of a simulated server here, so that a request takes 0.8 s: a busy machine's delays between two are little of it. */
const decodeMs = 50;
/** Its time to first token: what a busy client reads late is little of it. */
const prefillMs = 150;

/** How many requests make a point of so many seconds. */
function longRequests({ longSeconds = 5 }: Pick<FaultConfig, "longSeconds">): number {
  return Math.max(6, Math.round((longSeconds * 1000) / (outputTokens * decodeMs)));
}

/** The plan of a fault's config. It is written and read as a user's would be. */
export async function faultPlan(config: FaultConfig): Promise<Plan> {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-fault-"));
  const file = join(folder, `${config.name}.yaml`);
  try {
    writeFileSync(file, toYaml({ object: contents(config) }));
    const plan = await readPlan(file, { environment: null });
    return { ...plan, cells: plan.cells.map(config.change ?? ((cell) => cell)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function contents(config: FaultConfig): Record<string, unknown> {
  const { variants = ["sglang", "vllm"], models = { m: "m" } } = config;
  return {
    description: `a fault: ${config.name}`,
    cluster: {
      namespace,
      pools: {
        a10: { nodeSelector: { "node.kubernetes.io/instance-type": "VM.GPU.A10.2" }, servers: 2 },
      },
      storage: {
        models: { hostPath: join(share, "models") },
        results: { hostPath: join(share, "results") },
      },
      steps: {
        image: process.env["LLMBENCH_IMAGE"],
        pullPolicy: "Never",
        client: { cpu: "100m", memory: "256Mi" },
      },
      lookBeyondNamespace: true,
      deadline: "20m",
      ...config.cluster,
    },
    engines: Object.fromEntries(variants.map((variant) => [variant, engine(config, variant)])),
    models: Object.fromEntries(Object.entries(models).map(([id, folder]) => [id, { folder }])),
    load: {
      warmup: 1,
      blocks: [
        { name: "quick", concurrency: 2, outputTokens, requests: quickRequests },
        { name: "long", concurrency: 1, outputTokens, requests: longRequests(config) },
      ],
      ...config.load,
    },
    ...config.more,
  };
}

function engine({ profiles, engines }: FaultConfig, variant: string): Record<string, unknown> {
  return {
    simulated: { loadMs: 300, prefillMs, decodeMs, jitter: 0, ...profiles?.[variant] },
    // The nodes' GPUs are not asked for: nothing is behind them, and one server a node is the rule all the same.
    resources: { gpus: 0, cpu: "50m", memory: "256Mi" },
    startTimeout: "2m",
    ...engines?.[variant],
  };
}
