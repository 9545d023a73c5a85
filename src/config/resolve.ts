import { basename } from "node:path";
import { bundleName, type Plugin } from "../plugins/load-plugins.ts";
import { type Catalog, factsOf } from "./catalog.ts";
import { type ClusterPlan, MODELS_MOUNT } from "./cluster-plan.ts";
import { AB_DEFAULTS, HUB_DEFAULTS, LOAD_DEFAULTS, PRICE_DEFAULTS } from "./defaults.ts";
import { defined } from "./defined.ts";
import { drawPointOrders } from "./draw-orders.ts";
import { durationMs } from "./duration.ts";
import type { ModelConfig } from "./engine-schema.ts";
import type { LoadConfig } from "./load-schema.ts";
import { type Folders, resolvePath } from "./paths.ts";
import {
  type CellPlan,
  type ModelPlan,
  Plan,
  type RequestPlan,
  type SloPlan,
  type StepPlan,
} from "./plan.ts";
import { capacitySearches, expandBlock } from "./points.ts";
import { resolveCluster, resolveProfiling, resolveSchedule } from "./resolve-cluster.ts";
import { containerServer, gpusOf, versionOf } from "./resolve-container.ts";
import { isSimulated, processServer, seedOf, simulatedServer } from "./resolve-server.ts";
import type { Config } from "./schema.ts";
import { type CellConfig, poolsOf, selectCells } from "./select-cells.ts";

/** What a config does not say itself. */
export interface ResolveContext {
  /** The config file, as it is shown. */
  readonly file: string;
  readonly sha256: string;
  readonly folders: Folders;
  readonly catalog: Catalog;
  /** SHA-256 of each dataset, by absolute path. */
  readonly datasets: ReadonlyMap<string, string>;
  readonly plugins: readonly Plugin[];
  readonly steps: readonly StepPlan[];
  /** Image of the steps, where the config names none. */
  readonly stepsImage?: string | undefined;
}

/** A checked config (check-config.ts) with every default filled in. Same config and context, same plan. */
export function resolveConfig(config: Config, context: ResolveContext): Plan {
  const seed = config.load?.seed ?? LOAD_DEFAULTS.seed;
  const cluster = config.cluster ? resolveCluster(config.cluster, context.stepsImage) : undefined;
  const severalPools = poolsOf(config).length > 1;
  const profiling = resolveProfiling(config.profiling);
  // A cluster has the bundle, and knows no folder of this machine.
  const resolvePlugin = ({ file, sha256 }: Plugin, index: number) => ({
    file: cluster === undefined ? file : bundleName(index),
    sha256,
  });
  return Plan.parse({
    schemaVersion: 1,
    name: config.name ?? nameOfFile(context.file),
    ...(config.description !== undefined && { description: config.description }),
    ...(context.plugins.length > 0 && { plugins: context.plugins.map(resolvePlugin) }),
    ...(context.steps.length > 0 && { steps: [...context.steps] }),
    source: { file: context.file, sha256: context.sha256 },
    seed,
    cells: selectCells(config).map((cell) =>
      resolveCell(cell, { ...context, seed, cluster, severalPools, prices: config.prices }),
    ),
    ...(config.slos && Object.keys(config.slos).length > 0 && { slos: resolveSlos(config.slos) }),
    failOn: config.failOn ?? "invalid",
    ...(config.errorBars === false && { errorBars: false }),
    ...(config.workers !== undefined && config.workers > 1 && { workers: config.workers }),
    ...(cluster !== undefined && { cluster }),
    ...(profiling !== undefined && { profiling }),
    ...(config.schedule && { schedule: resolveSchedule(config.schedule) }),
    ...(config.strict === true && { strict: true }),
    ...(config.baseline !== undefined && { baseline: config.baseline }),
    ...(config.ab && { ab: { ...AB_DEFAULTS, ...defined(config.ab) } }),
  } satisfies Plan);
}

/** What cells of a config have in common. */
interface CellContext extends ResolveContext {
  readonly seed: number;
  readonly cluster: ClusterPlan | undefined;
  readonly severalPools: boolean;
  readonly prices: Config["prices"];
}

/** `<variant>--<model>`, and the pool where the config has cells in several. */
function cellId({ variant, model, pool }: CellConfig, severalPools: boolean): string {
  return [variant, model, ...(severalPools && pool !== undefined ? [pool] : [])].join("--");
}

function nameOfFile(file: string): string {
  const stem = basename(file).replace(/\.ya?ml$/i, "");
  return (
    stem
      .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
      .replaceAll(/^[._-]+|[._-]+$/g, "")
      .slice(0, 50) || "config"
  );
}

function resolveCell(cell: CellConfig, context: CellContext): CellPlan {
  const { cluster, severalPools, catalog } = context;
  const id = cellId(cell, severalPools);
  const kind = cell.kind ?? cell.variant;
  const { load, engine, pool } = cell;
  const seed = seedOf(context.seed, id);
  const version = cluster === undefined ? engine.version : versionOf(engine, factsOf(catalog, kind));
  const local = isSimulated(engine)
    ? () => simulatedServer(engine, kind, seed, context)
    : () => processServer(engine, kind, context);
  const blocks = load.blocks ?? LOAD_DEFAULTS.blocks;
  const searches = blocks.flatMap((block) => capacitySearches(block, load.cache));
  const price = priceOf(context.prices, cell);
  const repetitions = load.repetitions ?? LOAD_DEFAULTS.repetitions;
  const points = blocks.flatMap((block) => expandBlock(block, load.cache));
  return {
    id,
    variant: cell.variant,
    engine: kind,
    ...(version !== undefined && { version }),
    model: resolveModel(cell.model, cell.source, context.folders),
    server:
      cluster === undefined || pool === undefined
        ? local()
        : containerServer(engine, kind, pool, seed, { catalog, cluster }),
    request: resolveRequest(load, context),
    warmupRequests: load.warmup ?? LOAD_DEFAULTS.warmup,
    repetitions,
    points,
    ...drawPointOrders(points, repetitions, context.seed),
    ...(searches.length > 0 && { capacitySearches: searches }),
    ...(price !== undefined && { price }),
  };
}

function priceOf(prices: Config["prices"], { engine, pool }: CellConfig): CellPlan["price"] {
  if (prices === undefined || prices === null) return undefined;
  const perGpuHour = (pool === undefined ? undefined : prices.pools?.[pool]) ?? prices.perGpuHour;
  if (perGpuHour === undefined) return undefined;
  // A server without a GPU is priced as one machine.
  return {
    perGpuHour,
    gpus: Math.max(1, gpusOf(engine)),
    currency: prices.currency ?? PRICE_DEFAULTS.currency,
  };
}

function resolveModel(id: string, source: ModelConfig, folders: Folders): ModelPlan {
  const { path, hub, ...rest } = defined(source);
  return {
    id,
    ...rest,
    ...(path !== undefined && { path: resolvePath(path, folders) }),
    ...(hub !== undefined && { hub: resolveHub(hub) }),
  };
}

function resolveHub(hub: NonNullable<ModelConfig["hub"]>): NonNullable<ModelPlan["hub"]> {
  const { revision = HUB_DEFAULTS.revision, ...rest } =
    typeof hub === "string" ? { repo: hub } : defined(hub);
  return { revision, ...rest };
}

function resolveRequest(load: LoadConfig, { folders, datasets, cluster }: CellContext): RequestPlan {
  return {
    api: load.api ?? LOAD_DEFAULTS.api,
    prompt:
      load.dataset === undefined
        ? { kind: "text", text: load.prompt ?? LOAD_DEFAULTS.prompt }
        : cluster === undefined
          ? datasetPrompt(resolvePath(load.dataset, folders), datasets)
          : { kind: "dataset", path: `${MODELS_MOUNT}/${load.dataset}` },
    temperature: load.temperature ?? LOAD_DEFAULTS.temperature,
    forceOutputLength: load.forceOutputLength ?? LOAD_DEFAULTS.forceOutputLength,
    timeoutSeconds: durationMs(load.timeout ?? LOAD_DEFAULTS.timeout) / 1_000,
    ...serverMetrics(load.serverMetrics ?? LOAD_DEFAULTS.serverMetrics),
    extraBody: load.body ?? {},
    saveText: load.saveText ?? LOAD_DEFAULTS.saveText,
  };
}

function serverMetrics(every: string): Pick<RequestPlan, "serverMetricsSeconds"> {
  return every === "off" ? {} : { serverMetricsSeconds: durationMs(every) / 1_000 };
}

function datasetPrompt(path: string, datasets: ReadonlyMap<string, string>): RequestPlan["prompt"] {
  const sha256 = datasets.get(path);
  if (sha256 === undefined) throw new RangeError(`dataset was not hashed: ${path}`);
  return { kind: "dataset", path, sha256 };
}

function resolveSlos(slos: NonNullable<Config["slos"]>): SloPlan {
  return {
    ...(slos.ttft !== undefined && { ttftMs: durationMs(slos.ttft) }),
    ...(slos.tpot !== undefined && { tpotMs: durationMs(slos.tpot) }),
    ...(slos.e2e !== undefined && { e2eMs: durationMs(slos.e2e) }),
  };
}
