import type { CellPlan, ServerPlan } from "../config/plan.ts";
import { flags } from "./flags.ts";
import { dialectFor, dialectNamed } from "./index.ts";
import type { RequestDialect } from "./spec.ts";

type SimulatedPlan = Pick<
  Extract<ServerPlan, { kind: "simulated" }>,
  "settings" | "profile" | "behaviour" | "seed"
>;

/** The dialect that a simulated engine speaks, and is asked in. */
export function simulatedDialect(cell: Pick<CellPlan, "engine" | "version">): RequestDialect {
  const dialect = dialectFor(cell.engine, cell.version);
  // The simulator has no NIM but that of the documentation: 2.x serves the API of the engine inside.
  if (dialect.name === "nim") return dialectNamed("nim-1.8");
  // Both servers were made after vLLM's, which stands in for them.
  return dialect.name === "trtllm" || dialect.name === "lmdeploy" ? dialectNamed("vllm") : dialect;
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
  ];
}
