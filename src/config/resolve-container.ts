import { type Catalog, type EngineFacts, factsOf } from "./catalog.ts";
import type { ClusterPlan } from "./cluster-plan.ts";
import { defined } from "./defined.ts";
import type { EngineConfig } from "./engine-schema.ts";
import type { ServerPlan } from "./plan.ts";
import {
  isSimulated,
  resolveEnv,
  resolveProfile,
  resolveSettings,
  resolveTimeouts,
} from "./resolve-server.ts";
import { splitWords } from "./words.ts";

/** A simulator needs little; it may be given what the config says for the engine. */
const SIMULATOR = { cpu: "500m", memory: "512Mi" };

/** An engine's server in the cluster, or the simulator in its place, with every default filled in. */
export function containerServer(
  engine: EngineConfig,
  kind: string,
  pool: string,
  seed: number,
  { catalog, cluster }: { readonly catalog: Catalog; readonly cluster: ClusterPlan },
): ServerPlan {
  const facts = factsOf(catalog, kind);
  const shared = {
    kind: "kubernetes",
    pool,
    settings: resolveSettings(engine),
    ...resolveTimeouts(engine, {
      startTimeoutSeconds: facts.container.startTimeoutSeconds,
      stopTimeoutSeconds: facts.stopTimeoutSeconds,
    }),
  } as const;
  if (isSimulated(engine))
    return {
      ...shared,
      image: cluster.steps.image,
      pullPolicy: cluster.steps.pullPolicy,
      args: [],
      env: {},
      secretEnv: [],
      resources: { gpus: gpusOf(engine), ...SIMULATOR, ...givenResources(engine) },
      user: { uid: cluster.steps.uid, gid: cluster.steps.gid },
      simulated: { profile: resolveProfile(engine, kind), seed },
    };
  const image = imageOf(engine, facts);
  if (image === undefined) throw new RangeError(`no image for ${kind} was let through`);
  const user = engine.user ?? facts.container.user;
  return {
    ...shared,
    image,
    pullPolicy: engine.pullPolicy ?? "IfNotPresent",
    ...(engine.command !== undefined && { command: words(engine.command) }),
    args: words(engine.args ?? []),
    ...resolveEnv(engine),
    resources: { ...defaultResources(engine, facts), ...givenResources(engine) },
    ...(user && { user: { uid: user.uid, gid: user.gid ?? user.uid } }),
  };
}

/** The image of an engine: the config's, or its makers' of that version. Undefined where they have none for all models. */
export function imageOf(engine: EngineConfig, facts: EngineFacts): string | undefined {
  return engine.image ?? facts.container.image(versionOf(engine, facts), gpusOf(engine));
}

/** Version that an engine in the cluster has: the config's, that of its image's tag, or the newest known. */
export function versionOf(engine: EngineConfig, facts: EngineFacts): string | undefined {
  const stated = engine.version ?? versionOfImage(engine.image ?? "");
  if (stated !== undefined) return stated.replace(/^v/, "");
  return engine.image === undefined && !isSimulated(engine) ? facts.container.newest : undefined;
}

/** The version that a tag begins with: 0.4.7 of `lmsysorg/sglang:v0.4.7-cu124`. */
export function versionOfImage(image: string): string | undefined {
  return /:v?(\d+(?:\.\d+)+(?:\.?(?:post|rc|dev|a|b)\d+)?)[^/:@]*(?:@.*)?$/.exec(image)?.[1];
}

export function gpusOf(engine: EngineConfig): number {
  return engine.resources?.gpus ?? engine.settings?.tensorParallel ?? 1;
}

function defaultResources(engine: EngineConfig, { container }: EngineFacts) {
  const gpus = gpusOf(engine);
  const { cpu, memoryGi, sharedMemory } = container.resources;
  const times = Math.max(1, gpus);
  return {
    gpus,
    cpu: String(cpu * times),
    memory: `${memoryGi * times}Gi`,
    ...(sharedMemory !== undefined && { sharedMemory }),
  };
}

function givenResources({ resources }: EngineConfig) {
  const { cpu, memory, sharedMemory } = resources ?? {};
  return defined({ cpu: cpu === undefined ? undefined : String(cpu), memory, sharedMemory });
}

/** Words as they are: `~` is no folder of this machine here. */
function words(line: string | readonly (string | number)[]): string[] {
  return typeof line === "string" ? splitWords(line) : line.map(String);
}
