import type { z } from "zod";
import type { CellPlan } from "../../src/config/plan.ts";
import type { Behaviour } from "../../src/simulator/options.ts";

/** What the config cannot say of a simulated server: that it misbehaves. */
export function behaving(
  variant: string,
  behaviour: z.input<typeof Behaviour>,
): (cell: CellPlan) => CellPlan {
  return (cell) => {
    const { server } = cell;
    if (cell.variant !== variant || server.kind !== "kubernetes" || server.simulated === undefined)
      return cell;
    return { ...cell, server: { ...server, simulated: { ...server.simulated, behaviour } } };
  };
}

/** The same server from another image. */
export function fromImage(variant: string, image: string): (cell: CellPlan) => CellPlan {
  return (cell) => {
    const { server } = cell;
    if (cell.variant !== variant || server.kind !== "kubernetes") return cell;
    return { ...cell, server: { ...server, image } };
  };
}
