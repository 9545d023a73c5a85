import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BuiltFile, build } from "../../pipelines/build.ts";
import type { Plan } from "../config/plan.ts";
import { readConfig } from "../config/read-plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { bundlesOf } from "../plugins/load-plugins.ts";
import { type CellChoice, chooseCells } from "./choose-cells.ts";

/** Where manifests go, and the cells that they are of. */
export interface BuildOptions extends CellChoice {
  readonly out: string;
}

/** Writes what configs become on a cluster, each into a folder of its name; all that have a cluster where none is named. */
export async function writeManifests(configs: readonly string[], options: BuildOptions): Promise<void> {
  const read = configs.length > 0 ? await readForCluster(configs) : await clusterConfigs("configs");
  // Everything is made, and so everything wrong is said, before anything is written.
  const built = read.map(({ plan: whole, plugins }) => {
    const plan = chooseCells(whole, options);
    return { plan, of: whole.cells.length, ...build(plan, bundlesOf(plugins)) };
  });
  for (const { plan, of, files, warnings } of built) {
    const folder = join(options.out, plan.name);
    await writeAll(folder, files);
    for (const warning of warnings) process.stderr.write(`${plan.name}: ${warning}\n`);
    process.stdout.write(summary(plan, of, relative(process.cwd(), folder) || ".", files));
  }
}

type ReadConfig = Awaited<ReturnType<typeof readConfig>>;

/** One after the other: what a config's plugins add is in use until the next one is read. */
async function readForCluster(configs: readonly string[]): Promise<ReadConfig[]> {
  const read: ReadConfig[] = [];
  for (const config of configs) read.push(await readConfig(config, { environment: null }));
  return read;
}

async function clusterConfigs(folder: string): Promise<ReadConfig[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort();
  const read = await readForCluster(names.map((name) => join(folder, name)));
  const found = read.filter(({ plan }) => plan.cluster !== undefined);
  if (found.length > 0) return found;
  throw new LlmbenchError("USAGE", `no config in ./${folder} has a \`cluster:\``, {
    exitStatus: ExitStatus.usage,
    hint: "name the configs: llmbench build CONFIG",
  });
}

/** What was there before goes, or a file that is no longer made would still be applied. */
async function writeAll(folder: string, files: readonly BuiltFile[]): Promise<void> {
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const { path, text } of files) await writeFile(join(fresh, path), text);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
}

function summary(plan: Plan, of: number, folder: string, files: readonly BuiltFile[]): string {
  const { length } = plan.cells;
  const count = length < of ? `${length} of ${of} cells` : `${of} ${of === 1 ? "cell" : "cells"}`;
  const namespace = plan.cluster?.namespace ?? "default";
  return [
    `${plan.name}: ${count}, in ${folder}`,
    ...files.map(({ path, about }) => `  ${path.padEnd(20)} ${about}`),
    "  next:",
    `    kubectl apply --server-side -k ${folder}`,
    ...["run-models.yaml", "run.yaml"]
      .filter((name) => files.some(({ path }) => path === name))
      .map((name) => `    argo submit -n ${namespace} ${join(folder, name)} --watch`),
    "",
  ].join("\n");
}
