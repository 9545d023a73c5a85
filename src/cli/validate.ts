import type { Command } from "commander";

export function registerValidate(program: Command): void {
  program
    .command("validate")
    .description("check configs, and say what each would measure")
    .argument("<config...>", "YAML configs")
    .option("--json", "print the resolved plans")
    .action(async (configs: string[], options: { json?: boolean }) => {
      const { readPlan } = await import("../config/read-plan.ts");
      const plans = [];
      for (const config of configs) {
        const plan = await readPlan(config, { environment: null });
        plans.push(plan);
        if (options.json === true) continue;
        const measurements = plan.cells.reduce(
          (sum, cell) =>
            sum + cell.points.reduce((points, point) => points + (point.repetitions ?? cell.repetitions), 0),
          0,
        );
        const where =
          plan.cluster === undefined ? "" : `, on the cluster in namespace ${plan.cluster.namespace}`;
        process.stdout.write(
          `${config}: valid; ${plan.cells.length} cells, ${measurements} measurements${where}\n`,
        );
        for (const cell of plan.cells) {
          process.stdout.write(`  ${cell.id}: ${cell.points.map((point) => point.id).join(", ")}\n`);
        }
      }
      if (options.json === true)
        process.stdout.write(`${JSON.stringify(plans.length === 1 ? plans[0] : plans, null, 2)}\n`);
    });
}
