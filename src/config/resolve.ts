import { createHash } from "node:crypto";
import { basename } from "node:path";
import { defaultProfile } from "../simulator/profiles.ts";
import type { Catalog } from "./catalog.ts";
import { LOAD_DEFAULTS } from "./defaults.ts";
import { defined } from "./defined.ts";
import { durationMs } from "./duration.ts";
import type { EngineConfig, ModelConfig } from "./engine-schema.ts";
import type { LoadConfig } from "./load-schema.ts";
import { argumentWords, commandWords, type Folders, resolvePath } from "./paths.ts";
import {
  type CellPlan,
  type EngineKind,
  type EngineSettings,
  type ModelPlan,
  Plan,
  type RequestPlan,
  type ServerPlan,
  type SloPlan,
} from "./plan.ts";
import { expandBlock } from "./points.ts";
import type { Config } from "./schema.ts";
import { isSecretName } from "./secrets.ts";
import { type CellConfig, selectCells } from "./select-cells.ts";

/** What a config does not say itself. */
export interface ResolveContext {
  /** The config file, as it is shown. */
  readonly file: string;
  readonly sha256: string;
  readonly folders: Folders;
  readonly catalog: Catalog;
  /** SHA-256 of each dataset, by absolute path. */
  readonly datasets: ReadonlyMap<string, string>;
}

/** A checked config (check-config.ts) with every default filled in. Same config and context, same plan. */
export function resolveConfig(config: Config, context: ResolveContext): Plan {
  const seed = config.load?.seed ?? LOAD_DEFAULTS.seed;
  return Plan.parse({
    schemaVersion: 1,
    name: config.name ?? nameOfFile(context.file),
    ...(config.description !== undefined && { description: config.description }),
    source: { file: context.file, sha256: context.sha256 },
    seed,
    cells: selectCells(config).map((cell) => resolveCell(cell, seed, context)),
    ...(config.slos && Object.keys(config.slos).length > 0 && { slos: resolveSlos(config.slos) }),
    failOn: config.failOn ?? "invalid",
    ...(config.baseline !== undefined && { baseline: config.baseline }),
  } satisfies Plan);
}

/** `<variant>--<model>`. */
function cellId(variant: string, model: string): string {
  return `${variant}--${model}`;
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

function resolveCell(cell: CellConfig, seed: number, context: ResolveContext): CellPlan {
  const id = cellId(cell.variant, cell.model);
  const kind = cell.kind as EngineKind;
  const { load } = cell;
  return {
    id,
    variant: cell.variant,
    engine: kind,
    ...(cell.engine.version !== undefined && { version: cell.engine.version }),
    model: resolveModel(cell.model, cell.source, context.folders),
    server: isSimulated(cell.engine)
      ? simulatedServer(cell.engine, kind, seedOf(seed, id), context)
      : processServer(cell.engine, kind, context),
    request: resolveRequest(load, context),
    warmupRequests: load.warmup ?? LOAD_DEFAULTS.warmup,
    repetitions: load.repetitions ?? LOAD_DEFAULTS.repetitions,
    points: (load.blocks ?? LOAD_DEFAULTS.blocks).flatMap((block) => expandBlock(block)),
  };
}

export function isSimulated(engine: EngineConfig): boolean {
  return engine.simulated !== undefined && engine.simulated !== false;
}

function simulatedServer(
  engine: EngineConfig,
  kind: EngineKind,
  seed: number,
  context: ResolveContext,
): ServerPlan {
  const settings = resolveSettings(engine);
  const profile = typeof engine.simulated === "object" ? defined(engine.simulated) : {};
  return {
    kind: "simulated",
    settings,
    profile: {
      ...defaultProfile(kind),
      ...(settings.maxConcurrentRequests !== undefined && { maxBatch: settings.maxConcurrentRequests }),
      ...profile,
    },
    seed,
    ...resolveTimeouts(engine, kind, context),
  };
}

function processServer(engine: EngineConfig, kind: EngineKind, context: ResolveContext): ServerPlan {
  const { folders } = context;
  const place = engine.process ?? {};
  const { env, secretEnv } = resolveEnv(engine);
  const where = {
    ...(place.command !== undefined && { command: commandWords(place.command, folders) }),
    ...(place.venv !== undefined && { venv: resolvePath(place.venv, folders) }),
    ...(place.checkout !== undefined && { checkout: resolvePath(place.checkout, folders) }),
    ...(place.cwd !== undefined && { cwd: resolvePath(place.cwd, folders) }),
  };
  return {
    kind: "process",
    settings: resolveSettings(engine),
    args: argumentWords(engine.args ?? [], folders),
    env,
    secretEnv,
    ...(Object.keys(where).length > 0 && { process: where }),
    ...resolveTimeouts(engine, kind, context),
  };
}

function resolveSettings(engine: EngineConfig): EngineSettings {
  return defined(engine.settings ?? {});
}

/** Secrets stay references, `${NAME}`: secrets.ts puts their values in when the server starts. */
function resolveEnv(engine: EngineConfig): { env: Record<string, string>; secretEnv: string[] } {
  const env: Record<string, string> = {};
  const secretEnv: string[] = [];
  for (const [key, value] of Object.entries(engine.env ?? {})) {
    const reference = typeof value === "object";
    env[key] = reference ? `\${${value.secret}}` : String(value);
    if (reference || isSecretName(key)) secretEnv.push(key);
  }
  return { env, secretEnv };
}

function resolveTimeouts(
  engine: EngineConfig,
  kind: EngineKind,
  { catalog }: ResolveContext,
): { startTimeoutSeconds: number; stopTimeoutSeconds: number } {
  const facts = catalog.engines[kind];
  return {
    startTimeoutSeconds:
      engine.startTimeout === undefined ? facts.startTimeoutSeconds : durationMs(engine.startTimeout) / 1_000,
    stopTimeoutSeconds:
      engine.stopTimeout === undefined ? facts.stopTimeoutSeconds : durationMs(engine.stopTimeout) / 1_000,
  };
}

function resolveModel(id: string, source: ModelConfig, folders: Folders): ModelPlan {
  const { path, ...rest } = defined(source);
  return { id, ...rest, ...(path !== undefined && { path: resolvePath(path, folders) }) };
}

function resolveRequest(load: LoadConfig, { folders, datasets }: ResolveContext): RequestPlan {
  return {
    api: load.api ?? LOAD_DEFAULTS.api,
    prompt:
      load.dataset === undefined
        ? { kind: "text", text: load.prompt ?? LOAD_DEFAULTS.prompt }
        : datasetPrompt(resolvePath(load.dataset, folders), datasets),
    temperature: load.temperature ?? LOAD_DEFAULTS.temperature,
    forceOutputLength: load.forceOutputLength ?? LOAD_DEFAULTS.forceOutputLength,
    cache: load.cache ?? LOAD_DEFAULTS.cache,
    timeoutSeconds: durationMs(load.timeout ?? LOAD_DEFAULTS.timeout) / 1_000,
    extraBody: load.body ?? {},
    saveText: load.saveText ?? LOAD_DEFAULTS.saveText,
  };
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

/** Simulated servers of one run draw from seeds of their own, or two variants would have the same noise. */
function seedOf(seed: number, cell: string): number {
  return createHash("sha256").update(`${seed} ${cell}`).digest().readUInt32BE() >>> 1;
}
