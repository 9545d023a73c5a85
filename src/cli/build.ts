import type { Command } from "commander";
import type { BuildOptions } from "./write-manifests.ts";

export function registerBuild(program: Command): void {
  program
    .command("build")
    .description("write what configs become on a Kubernetes cluster with Argo Workflows")
    .argument("[configs...]", "config files with a `cluster:` (default: all of ./configs that have one)")
    .option("--engine <variant...>", "only the cells of these variants")
    .option("--model <model...>", "only the cells of these models")
    .option("--cell <id...>", "only these cells")
    .option("--out <dir>", "folder that gets a folder of each config's name", "dist/argo")
    .action(async (configs: readonly string[], options: BuildOptions) => {
      await (await import("./write-manifests.ts")).writeManifests(configs, options);
    });
}
