import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { type BuiltFile, build } from "../../pipelines/build.ts";
import type { Plan } from "../config/plan.ts";
import { readPlan } from "../config/read-plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";

export function registerBuild(program: Command): void {
  program
    .command("build")
    .description("write what configs become on a Kubernetes cluster with Argo Workflows")
    .argument("[configs...]", "config files with a `cluster:` (default: all of ./configs that have one)")
    .option("--out <dir>", "folder that gets a folder of each config's name", "dist/argo")
    .action(async (configs: readonly string[], options: { out: string }) => {
      const plans =
        configs.length > 0 ? await Promise.all(configs.map(readForCluster)) : await clusterConfigs("configs");
      // Everything is made, and so everything wrong is said, before anything is written.
      const built = plans.map((plan) => ({ plan, ...build(plan) }));
      for (const { plan, files, warnings } of built) {
        const folder = join(options.out, plan.name);
        await writeAll(folder, files);
        for (const warning of warnings) process.stderr.write(`${plan.name}: ${warning}\n`);
        process.stdout.write(summary(plan, relative(process.cwd(), folder) || ".", files));
      }
    });
}

const readForCluster = (config: string): Promise<Plan> => readPlan(config, { environment: null });

async function clusterConfigs(folder: string): Promise<Plan[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort();
  const plans = await Promise.all(names.map((name) => readForCluster(join(folder, name))));
  const found = plans.filter(({ cluster }) => cluster !== undefined);
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

function summary(plan: Plan, folder: string, files: readonly BuiltFile[]): string {
  const count = `${plan.cells.length} ${plan.cells.length === 1 ? "cell" : "cells"}`;
  const namespace = plan.cluster?.namespace ?? "default";
  return [
    `${plan.name}: ${count}, in ${folder}`,
    ...files.map(({ path, about }) => `  ${path.padEnd(20)} ${about}`),
    "  next:",
    `    kubectl apply --server-side -k ${folder}`,
    `    argo submit -n ${namespace} ${join(folder, "run.yaml")} --watch`,
    "",
  ].join("\n");
}
