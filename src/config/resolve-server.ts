import { createHash } from "node:crypto";
import { defaultProfile } from "../simulator/profiles.ts";
import { type Catalog, factsOf } from "./catalog.ts";
import { defined } from "./defined.ts";
import { durationMs } from "./duration.ts";
import type { EngineConfig } from "./engine-schema.ts";
import { argumentWords, commandWords, type Folders, resolvePath } from "./paths.ts";
import type { EngineSettings, ServerPlan, SimulatorProfile } from "./plan.ts";
import { isSecretName } from "./secrets.ts";

interface ServerContext {
  readonly folders: Folders;
  readonly catalog: Catalog;
}

export function isSimulated(engine: EngineConfig): boolean {
  return engine.simulated !== undefined && engine.simulated !== false;
}

/** How a simulated engine behaves: the stock profile, and what the config says otherwise. */
export function resolveProfile(engine: EngineConfig, kind: string): SimulatorProfile {
  const { maxConcurrentRequests } = engine.settings ?? {};
  return {
    ...defaultProfile(kind),
    ...(maxConcurrentRequests !== undefined && { maxBatch: maxConcurrentRequests }),
    ...(typeof engine.simulated === "object" ? defined(engine.simulated) : {}),
  };
}

export function simulatedServer(
  engine: EngineConfig,
  kind: string,
  seed: number,
  { catalog }: ServerContext,
): ServerPlan {
  return {
    kind: "simulated",
    settings: resolveSettings(engine),
    profile: resolveProfile(engine, kind),
    seed,
    ...resolveTimeouts(engine, factsOf(catalog, kind)),
  };
}

export function processServer(
  engine: EngineConfig,
  kind: string,
  { folders, catalog }: ServerContext,
): ServerPlan {
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
    ...resolveTimeouts(engine, factsOf(catalog, kind)),
  };
}

export function resolveSettings(engine: EngineConfig): EngineSettings {
  return defined(engine.settings ?? {});
}

/** Secrets stay references, `${NAME}`: their values are put in when the server starts. */
export function resolveEnv(holder: { readonly env?: EngineConfig["env"] }): {
  env: Record<string, string>;
  secretEnv: string[];
} {
  const env: Record<string, string> = {};
  const secretEnv: string[] = [];
  for (const [key, value] of Object.entries(holder.env ?? {})) {
    const reference = typeof value === "object";
    env[key] = reference ? `\${${value.secret}}` : String(value);
    if (reference || isSecretName(key)) secretEnv.push(key);
  }
  return { env, secretEnv };
}

export function resolveTimeouts(
  engine: EngineConfig,
  facts: { readonly startTimeoutSeconds: number; readonly stopTimeoutSeconds: number },
): { startTimeoutSeconds: number; stopTimeoutSeconds: number } {
  return {
    startTimeoutSeconds:
      engine.startTimeout === undefined ? facts.startTimeoutSeconds : durationMs(engine.startTimeout) / 1_000,
    stopTimeoutSeconds:
      engine.stopTimeout === undefined ? facts.stopTimeoutSeconds : durationMs(engine.stopTimeout) / 1_000,
  };
}

/** Simulated servers of one run draw from seeds of their own, or two variants would have the same noise. */
export function seedOf(seed: number, cell: string): number {
  return createHash("sha256").update(`${seed} ${cell}`).digest().readUInt32BE() >>> 1;
}
