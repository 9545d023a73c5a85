import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plan } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { defineEngine, type EngineDefinition } from "./define-engine.ts";
import { addEngine } from "./index.ts";

type PluginPlan = NonNullable<Plan["plugins"]>[number];

/**
 * Loads a file whose default export is an engine (see EngineDefinition) or a list of them, and adds them to those that
 * there are. TypeScript is bundled by esbuild where that is installed, else left to Node.
 * Throws PLUGIN_NOT_FOUND, PLUGIN_NOT_LOADED, PLUGIN_INVALID, PLUGIN_KIND_TAKEN.
 */
export async function loadPlugin(file: string): Promise<PluginPlan> {
  const sha256 = await hashOf(file);
  // The hash makes another module of a file that has changed since it was loaded.
  const exported = await importPlugin(file, sha256.slice(0, 16));
  addPlugin(exported, file);
  return { file, sha256 };
}

/** Adds the engines that a plugin exports. Throws PLUGIN_INVALID, PLUGIN_KIND_TAKEN. */
function addPlugin(exported: unknown, file: string): void {
  const definitions: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  try {
    for (const definition of definitions) addEngine(defineEngine(definition as EngineDefinition));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw pluginError(
      "PLUGIN_INVALID",
      `${file} has no engine as its default export: ${error.message}.`,
      error,
    );
  }
}

/**
 * The plugins of a plan that was read before, for a run that goes on. Throws as loadPlugin does, and PLUGIN_CHANGED.
 * On a cluster they are in the bundle's company and loaded when it starts.
 */
export async function loadPlugins({ plugins = [], cluster }: Plan): Promise<void> {
  if (cluster !== undefined) return;
  for (const { file, sha256 } of plugins) {
    const loaded = await loadPlugin(file);
    if (loaded.sha256 === sha256) continue;
    throw new LlmbenchError("PLUGIN_CHANGED", `${file} has changed since the run began.`, {
      exitStatus: ExitStatus.usage,
      hint: "Start a new run, or put the file back as it was.",
    });
  }
}

async function hashOf(file: string): Promise<string> {
  try {
    return createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
  } catch (error) {
    throw pluginError("PLUGIN_NOT_FOUND", `${file} cannot be read.`, error);
  }
}

async function importPlugin(file: string, version: string): Promise<unknown> {
  const typed = /^\.[cm]?ts$/.test(extname(file));
  try {
    const module = (
      typed ? await importTypeScript(file, version) : await import(`${pathToFileURL(file).href}?${version}`)
    ) as { readonly default?: unknown };
    return module.default;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw pluginError("PLUGIN_NOT_LOADED", `${file} cannot be loaded: ${reason}`, error);
  }
}

async function importTypeScript(file: string, version: string): Promise<unknown> {
  const esbuild = await import("esbuild").catch(() => undefined);
  if (esbuild === undefined && !("typescript" in process.features && process.features.typescript))
    throw new Error(
      "TypeScript needs esbuild (npm install esbuild) or Node 22.18; or write it in JavaScript",
    );
  // Newer versions of Node take types away themselves.
  if (esbuild === undefined) return import(`${pathToFileURL(file).href}?${version}`);
  const folder = await mkdtemp(join(tmpdir(), "llmbench-plugin-"));
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [file],
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      write: false,
      logLevel: "silent",
    });
    const bundle = join(folder, `${version}.mjs`);
    await writeFile(bundle, outputFiles[0]?.contents ?? "");
    return await import(pathToFileURL(bundle).href);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function pluginError(code: string, message: string, cause: unknown): LlmbenchError {
  return new LlmbenchError(code, message, {
    exitStatus: ExitStatus.usage,
    hint: "docs/engines.md says what such a file holds.",
    cause,
  });
}
