import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Command } from "commander";
import { buildFiles } from "../../pipelines/build.ts";
import { readPlan } from "../config/read-plan.ts";

export function registerBuild(program: Command): void {
  program
    .command("build")
    .description("write what a config becomes on a Kubernetes cluster with Argo Workflows")
    .argument("<config>", "config file with a `cluster:`")
    .option("--out <dir>", "folder that gets a folder of the config's name", "dist/argo")
    .action(async (config: string, options: { out: string }) => {
      // Everything is made, and so everything wrong is said, before anything is written.
      const plan = await readPlan(config, { environment: null });
      const files = buildFiles(plan);
      const folder = join(options.out, plan.name);
      const fresh = `${folder}.new`;
      await rm(fresh, { recursive: true, force: true });
      for (const { path, text } of files) {
        await mkdir(dirname(join(fresh, path)), { recursive: true });
        await writeFile(join(fresh, path), text);
      }
      await rm(folder, { recursive: true, force: true });
      await rename(fresh, folder);
      const shown = relative(process.cwd(), folder) || ".";
      process.stdout.write(
        [
          `${plan.name}: ${plan.cells.length} cells`,
          ...files.map(({ path, about }) => `  ${join(shown, path)}: ${about}`),
          "",
          `kubectl apply -k ${shown}`,
          `argo submit -n ${plan.cluster?.namespace ?? "default"} ${join(shown, "run.yaml")} --watch`,
          "",
        ].join("\n"),
      );
    });
}
