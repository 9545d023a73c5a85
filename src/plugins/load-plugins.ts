import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Plan, StepName } from "../config/plan.ts";
import { useEngines } from "../engines/index.ts";
import type { EngineSpec } from "../engines/spec.ts";
import { LlmbenchError } from "../error.ts";
import * as api from "./api.ts";
import { apiName, bundlePlugin, type PluginBundle, pluginError, sha256Of } from "./bundle-plugin.ts";
import { defineEngine, type EngineDefinition } from "./define-engine.ts";
import type { PluginStep } from "./define-step.ts";
import { demand } from "./demand.ts";

/** What a plugin adds. */
export interface Plugin extends PluginBundle {
  /** As it is shown. */
  readonly file: string;
  readonly engines: readonly EngineSpec[];
  readonly steps: readonly PluginStep[];
}

/** The name of a plugin's bundle among what a cluster is given; they are counted from 0. */
export const bundleName = (index: number): string => (index === 0 ? "plugin.mjs" : `plugin-${index + 1}.mjs`);

/** Their bundles, by the names that a cluster's plan gives them. */
export const bundlesOf = (plugins: readonly Plugin[]): Record<string, string> =>
  Object.fromEntries(plugins.map(({ text }, index) => [bundleName(index), text]));

/**
 * Bundles a file and runs it: what it exports by default is an engine, a step, or a list of them. Throws what
 * bundlePlugin does, PLUGIN_NOT_LOADED, PLUGIN_INVALID.
 */
export async function loadPlugin(file: string): Promise<Plugin> {
  return await openBundle(await bundlePlugin(file), file);
}

/** Names of templates and folders that are there without any plugin. */
const reservedSteps: readonly string[] = [...StepName.options, "benchmark", "cell"];

/**
 * Takes what plugins add into use, in the place of what others added before. Throws PLUGIN_KIND_TAKEN,
 * PLUGIN_STEP_TAKEN.
 */
export function usePlugins(plugins: readonly Plugin[]): void {
  const taken = new Set(reservedSteps);
  for (const { steps, file } of plugins) {
    for (const { name } of steps) {
      if (taken.has(name))
        throw pluginError("PLUGIN_STEP_TAKEN", `There is a step ${name} already, beside that of ${file}.`, {
          hint: "Give the step of your own another `name`.",
        });
      taken.add(name);
    }
  }
  useEngines(plugins.flatMap(({ engines }) => engines));
}

/**
 * The plugins of a plan that was read before, in use from then on. Those of a cluster's plan lie in `folder`, as llmbench build bundled them;
 * others are bundled again. Throws as loadPlugin and usePlugins do, and PLUGIN_CHANGED.
 */
export async function loadPlugins(plan: Plan, folder?: string): Promise<Plugin[]> {
  const plugins: Plugin[] = [];
  for (const { file, sha256 } of plan.plugins ?? []) {
    const bundle = plan.cluster === undefined ? await bundlePlugin(file) : await readBundle(file, folder);
    if (bundle.sha256 !== sha256) {
      throw pluginError("PLUGIN_CHANGED", `${file} is not the one that the run began with.`, {
        hint: "Start a new run, or put its files back as they were.",
      });
    }
    plugins.push(await openBundle(bundle, file));
  }
  usePlugins(plugins);
  return plugins;
}

async function readBundle(name: string, folder: string | undefined): Promise<PluginBundle> {
  if (folder === undefined) {
    throw pluginError("PLUGIN_NOT_FOUND", `The run needs ${name}, and nothing says where it is.`, {
      hint: "Give --plan: the plugin lies beside the resolved config.",
    });
  }
  try {
    const text = await readFile(join(folder, name), "utf8");
    return { text, sha256: sha256Of(text) };
  } catch (error) {
    throw pluginError("PLUGIN_NOT_FOUND", `${join(folder, name)} cannot be read.`, { cause: error });
  }
}

async function openBundle(bundle: PluginBundle, file: string): Promise<Plugin> {
  const exported = await run(bundle, file).catch((error: unknown) => {
    // What was made by defineEngine and the like has been looked at already.
    if (error instanceof LlmbenchError) throw pluginError(error.code, `${file}: ${error.message}.`);
    const reason = error instanceof Error ? error.message : String(error);
    throw pluginError("PLUGIN_NOT_LOADED", `${file} cannot be loaded: ${reason}`, { cause: error });
  });
  const engines: EngineSpec[] = [];
  const steps: PluginStep[] = [];
  try {
    for (const part of (Array.isArray(exported) ? exported : [exported]) as readonly unknown[]) {
      if (isStep(part)) steps.push(part);
      else engines.push(defineEngine(part as EngineDefinition));
    }
    demand(engines.length + steps.length > 0, "an engine, a step, or a list of them; found an empty list");
  } catch (error) {
    if (!(error instanceof LlmbenchError)) throw error;
    const what = `${file} has no engine and no step as its default export`;
    throw pluginError(error.code, `${what}: ${error.message}.`);
  }
  return { ...bundle, file, engines, steps };
}

/** A step, which only defineStep makes: there its schemas have their types. */
function isStep(part: unknown): part is PluginStep {
  if (typeof part !== "object" || part === null || !("run" in part)) return false;
  demand("outputs" in part, "a step made by defineStep");
  return true;
}

interface BundleModule {
  readonly default: (require: (name: string) => unknown) => unknown;
}

/** Runs the bundle with the API in reach, and nothing else that is not Node's own. */
async function run({ text, sha256 }: PluginBundle, file: string): Promise<unknown> {
  const own = createRequire(import.meta.url);
  const require = (name: string): unknown => {
    if (name === apiName) return api;
    if (isBuiltin(name)) return own(name) as unknown;
    throw new Error(`${name} is not in the bundle of ${file}`);
  };
  const folder = await mkdtemp(join(tmpdir(), "llmbench-plugin-"));
  try {
    const module = join(folder, `${sha256.slice(0, 16)}.mjs`);
    await writeFile(module, text);
    const { default: start } = (await import(pathToFileURL(module).href)) as BundleModule;
    return start(require);
  } finally {
    await rm(folder, { recursive: true });
  }
}
