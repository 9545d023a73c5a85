import { join } from "node:path";
import { type ClusterPlan, MODELS_MOUNT, STEP_COMMAND, secretsOf } from "../config/cluster-plan.ts";
import { defined } from "../config/defined.ts";
import type { CellPlan } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { ContainerSpec, ReadinessProbe, ServerSpec } from "../servers/server.ts";
import { specHash } from "../servers/spec-hash.ts";
import { computedPrecision, engineKindOf, mostAtOnce, unseenModel } from "./cell-model.ts";
import { engineSpec } from "./index.ts";
import { type ResolvedModel, resolveModel } from "./models.ts";
import type { PlanOf, ResolvedServer, ResolveInput } from "./resolved-server.ts";
import { simulateArgs, simulatedDialect, simulatedMetrics } from "./simulated.ts";
import type { EngineSpec } from "./spec.ts";

type KubernetesPlan = PlanOf<"kubernetes">;
/** What differs between an engine and the simulator in its place. */
type Contents = Pick<
  ContainerSpec,
  "command" | "entryPoint" | "args" | "user" | "readOnlyRoot" | "writable" | "secretEnv"
> & { readonly env: Readonly<Record<string, string>> };

/**
 * Makes the spec of a server that runs in the cluster. Of the models share it looks at the cell's model only, from
 * the container that it runs in. Throws CELL_NEEDS_CLUSTER, MODEL_*.
 */
export async function resolveContainer(input: ResolveInput, server: KubernetesPlan): Promise<ResolvedServer> {
  const { cell, cluster } = input;
  if (cluster === undefined)
    throw new LlmbenchError("CELL_NEEDS_CLUSTER", `${cell.id} runs in a cluster, and the plan has none.`, {
      exitStatus: ExitStatus.usage,
      hint: "Build the config's workflow and submit it there: llmbench build CONFIG",
    });
  const engine = engineSpec(engineKindOf(cell));
  const simulated = server.simulated !== undefined;
  const dialect = simulated ? simulatedDialect(cell) : engine.dialect(cell.version);
  const model = simulated ? unseenModel(cell) : await modelOnShare(input, engine.kind, server);
  const contents = simulated
    ? simulatorContents(input, server, cluster)
    : engineContents(input, engine, server, model, cluster);
  const container = containerSpec(engine, input, server, cluster, contents);
  const secretEnv = Object.keys(container.secretEnv);
  const words = container.command ?? container.entryPoint ?? [];
  const command = [...(simulated ? ["llmbench"] : words), ...container.args];
  const engineVersion = cell.version ?? (simulated ? "simulated" : "unknown");
  return {
    spec: {
      runId: input.runId,
      cellId: cell.id,
      command,
      env: contents.env,
      secretEnv,
      readiness: engine.readiness(cell.version),
      startTimeoutSeconds: server.startTimeoutSeconds,
      stopTimeoutSeconds: server.stopTimeoutSeconds,
      specHash: specHash({
        command,
        env: { ...contents.env, ...Object.fromEntries(secretEnv.map((name) => [name, ""])) },
        secretEnv,
        resources: {
          ...container.resources,
          sharedMemory: container.sharedMemory,
          // The same simulation, whatever image of ours it comes in.
          image: simulated ? undefined : container.image,
          user: container.user,
        },
        hardware: JSON.stringify([server.pool, container.pool.nodeSelector, container.pool.gpuResource]),
        engineVersion,
        ...(model.hash === undefined ? {} : { modelHash: model.hash }),
      }),
      simulated,
      container,
    } satisfies ServerSpec,
    engineVersion,
    dialect,
    metrics: simulated ? simulatedMetrics(cell) : engine.metrics,
    model,
    simulated,
  };
}

function containerSpec(
  engine: EngineSpec,
  { cell }: ResolveInput,
  server: KubernetesPlan,
  cluster: ClusterPlan,
  { env: _env, ...contents }: Contents,
): ContainerSpec {
  const pool = cluster.pools[server.pool];
  if (pool === undefined) throw new RangeError(`no pool ${server.pool}`);
  const { servers: _servers, ...nodes } = pool;
  const { sharedMemory, ...resources } = server.resources;
  return {
    ...contents,
    image: server.image,
    pullPolicy: server.pullPolicy,
    imagePullSecrets: cluster.imagePullSecrets,
    port: engine.container.port,
    root: contents.user === undefined || contents.user.uid === 0,
    resources: defined(resources),
    ...(sharedMemory === undefined ? {} : { sharedMemory }),
    modelsMount: MODELS_MOUNT,
    pool: { name: server.pool, ...defined(nodes), tolerations: pool.tolerations.map((one) => defined(one)) },
    probes: probesOf(
      engine.readiness(cell.version),
      engine.container.alive(cell.version),
      server.startTimeoutSeconds,
    ),
  };
}

function engineContents(
  { cell }: ResolveInput,
  engine: EngineSpec,
  server: KubernetesPlan,
  model: ResolvedModel,
  cluster: ClusterPlan,
): Contents {
  const { container } = engine;
  const { version } = cell;
  const { gpus, cpu } = server.resources;
  const settings = { ...server.settings };
  // Without a GPU llama.cpp computes on the cores it asks for, not on all that it sees.
  if (engine.kind === "llamacpp" && gpus === 0 && Number(cpu) >= 1)
    settings.threads ??= Math.floor(Number(cpu));
  const { servedName, path: modelPath = "" } = model;
  const requestsInFlight = mostAtOnce(cell.points);
  const launch = {
    modelPath,
    servedName,
    settings,
    requestsInFlight,
    ...(version === undefined ? {} : { version }),
  };
  const fill = (word: string) =>
    word
      .replaceAll("{host}", "0.0.0.0")
      .replaceAll("{port}", String(container.port))
      .replaceAll("{model}", modelPath)
      .replaceAll("{name}", servedName);
  // A command that says where its port goes says all; any other gets the engine's own arguments.
  const saysAll = server.command?.some((word) => word.includes("{port}")) ?? false;
  const sizing = gpus === 0 || saysAll ? [] : (container.sizing?.(launch) ?? []);
  const given = new Set(server.args.map((word) => word.split("=", 1)[0]));
  const own = saysAll ? [] : [...engine.args(launch), ...(given.has(sizing[0]) ? [] : sizing)];
  const words = container.command(version);
  const secretEnv = secretsOf(server, cluster);
  const plain = Object.entries(server.env).filter(([name]) => !(name in secretEnv));
  const user = server.user ?? container.user;
  const otherUser = user !== undefined && user.uid !== container.user?.uid && user.uid !== 0;
  const env = {
    ...engine.env(launch),
    ...container.env,
    // One without a line in the image's /etc/passwd has neither a home nor a name, and Python's libraries want both.
    ...(otherUser ? { HOME: container.writable[0]?.path ?? "/tmp", USER: "llmbench" } : {}),
    ...Object.fromEntries(plain),
  };
  return {
    ...(server.command === undefined
      ? container.isEntryPoint
        ? { entryPoint: words }
        : { command: words }
      : { command: server.command.map(fill) }),
    args: [...own, ...server.args].map(fill),
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
    secretEnv,
    ...(user === undefined ? {} : { user }),
    readOnlyRoot: container.readOnlyRoot,
    writable: container.writable,
  };
}

/** The simulator in the image of the steps, on the port and with the probes of the engine. */
function simulatorContents(input: ResolveInput, server: KubernetesPlan, { steps }: ClusterPlan): Contents {
  const { cell } = input;
  const { simulated, settings } = server;
  if (simulated === undefined) throw new RangeError(`${cell.id} is not simulated`);
  const { port } = engineSpec(engineKindOf(cell)).container;
  const { servedName } = unseenModel(cell);
  const args = simulateArgs(simulatedDialect(cell), servedName, { settings, ...simulated });
  return {
    command: STEP_COMMAND,
    args: args.map((word) => word.replaceAll("{host}", "0.0.0.0").replaceAll("{port}", String(port))),
    env: {},
    secretEnv: {},
    user: server.user ?? { uid: steps.uid, gid: steps.gid },
    readOnlyRoot: true,
    writable: [],
  };
}

/** The model as the engine finds it: the share is at the same place in this container and in the engine's. */
async function modelOnShare(
  { cell, report, modelsFolder = MODELS_MOUNT }: ResolveInput,
  engine: string,
  server: KubernetesPlan,
): Promise<ResolvedModel> {
  const { folder, path: _path, package: _package, ...plan } = cell.model;
  if (folder === undefined) return unseenModel(cell);
  try {
    const path = join(modelsFolder, folder);
    const model = await resolveModel({ ...plan, path }, engine, { report });
    const inside = (model.path ?? path).slice(modelsFolder.length).replace(/^\/+/, "");
    return { ...model, path: join(MODELS_MOUNT, inside), ...computedPrecision(cell, model, server) };
  } catch (error) {
    if (!(error instanceof LlmbenchError) || !error.code.startsWith("MODEL_")) throw error;
    throw new LlmbenchError(error.code, error.message, {
      hint: shareHint(cell, folder, error.code),
      details: error.details,
      cause: error,
    });
  }
}

function shareHint({ model: { id, hub } }: CellPlan, folder: string, code: string): string {
  const bring =
    hub === undefined
      ? `Bring ${id} to the models share`
      : `Bring ${id} (${hub.repo}) to the models share: submit run-models.yaml, which \`llmbench build\` wrote, or retry that workflow`;
  if (code === "MODEL_NOT_FOUND")
    return `${bring}; or correct its \`folder\`: it is looked for at ${folder}, below the share.`;
  if (code === "MODEL_INCOMPLETE")
    return `${bring}, and wait until it is done. It is at ${folder} below the share.`;
  return `${id} is at ${folder} below the models share: correct its \`folder\`, or what lies there.`;
}

const EVERY_SECONDS = 5;

function probesOf(
  ready: ReadinessProbe,
  alive: string,
  startTimeoutSeconds: number,
): ContainerSpec["probes"] {
  return {
    startup: {
      path: ready.path,
      periodSeconds: EVERY_SECONDS,
      timeoutSeconds: ready.timeoutSeconds,
      // A minute more: whoever waits for the server gives up first, and says why.
      failureThreshold: Math.ceil(startTimeoutSeconds / EVERY_SECONDS) + 12,
    },
    // Five minutes each: a server that is slow to answer under load is still the one that is measured.
    readiness: { path: alive, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 30 },
    liveness: { path: alive, periodSeconds: 30, timeoutSeconds: 30, failureThreshold: 10 },
  };
}
