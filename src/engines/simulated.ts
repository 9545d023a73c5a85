import type { CellPlan, ServerPlan } from "../config/plan.ts";
import { flags } from "./flags.ts";
import { dialectFor, dialectNamed, engineSpec } from "./index.ts";
import type { RequestDialect } from "./spec.ts";

type SimulatedPlan = Pick<
  Extract<ServerPlan, { kind: "simulated" }>,
  "settings" | "profile" | "behaviour" | "seed"
>;

/** The dialect that a simulated engine speaks, and is asked in. */
export function simulatedDialect(cell: Pick<CellPlan, "engine" | "version">): RequestDialect {
  const as = engineSpec(cell.engine).simulatedAs;
  return as === undefined ? dialectFor(cell.engine, cell.version) : dialectNamed(as);
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
