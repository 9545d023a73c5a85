import type { CellPlan, ServerPlan } from "../config/plan.ts";
import { flags } from "./flags.ts";
import { dialectFor, dialectNamed, engineSpec, metricsNamed } from "./index.ts";
import type { EngineMetrics, RequestDialect } from "./spec.ts";

type SimulatedPlan = Pick<
  Extract<ServerPlan, { kind: "simulated" }>,
  "settings" | "profile" | "behaviour" | "seed"
>;

/** The dialect that a simulated engine speaks, and is asked in. */
export function simulatedDialect(cell: Pick<CellPlan, "engine" | "version">): RequestDialect {
  const as = engineSpec(cell.engine).simulatedAs;
  return as === undefined ? dialectFor(cell.engine, cell.version) : dialectNamed(as);
}

/** Names of the metrics that a simulated engine shows: those of the engine whose dialect it speaks. */
export function simulatedMetrics(cell: Pick<CellPlan, "engine">): EngineMetrics | undefined {
  const { simulatedAs, metrics } = engineSpec(cell.engine);
  return simulatedAs === undefined ? metrics : metricsNamed(simulatedAs);
}

/** Words after `llmbench` that start a simulated engine: its own spec with the command replaced. */
export function simulateArgs(dialect: RequestDialect, servedName: string, server: SimulatedPlan): string[] {
  return [
    "simulate",
    ...flags({
      "--dialect": dialect.name,
      "--host": "{host}",
      "--port": "{port}",
      "--model": servedName,
      "--seed": server.seed,
      "--profile": JSON.stringify(server.profile),
      "--context-length": server.settings.contextLength,
      "--behaviour": server.behaviour === undefined ? undefined : JSON.stringify(server.behaviour),
    }),
    "--log-requests",
  ];
}
