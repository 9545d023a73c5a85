import { isDeepStrictEqual } from "node:util";
import { AB_DEFAULTS } from "../config/defaults.ts";
import { drawOrders, drawPointOrders } from "../config/draw-orders.ts";
import type { CellPlan, Plan } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import type { AbDesign } from "../results/schema/ab.ts";
import type { BenchOptions } from "./bench-options.ts";
import { benchPlan } from "./bench-plan.ts";

/** A plan of two cells, and in which order their blocks are measured. */
export interface AbPlan {
  readonly plan: Plan;
  readonly design: AbDesign;
}

/**
 * What `llmbench ab` makes of a config: its baseline, else its first variant, is A. Each block measures each point once, so
 * that repetitions of the config are the pairs here; nothing is profiled. Throws AB_ON_CLUSTER, AB_NOT_TWO.
 */
export function abOfConfig(given: Plan, name: string, pairs: number | undefined): AbPlan {
  if (given.cluster !== undefined) {
    throw new LlmbenchError("AB_ON_CLUSTER", `${name} runs on a cluster, and ab compares on this machine.`, {
      exitStatus: ExitStatus.usage,
      hint: "Deploy both servers there, and compare them where they stand: llmbench ab --a URL --b URL",
    });
  }
  const [a, b] = twoCells(given, name);
  const { profiling: _, ab = AB_DEFAULTS, ...plan } = given;
  const servers = differInLoadAlone(a, b) ? "shared" : ab.resident;
  return design({ ...plan, ab }, [a, b], servers, pairs ?? ab.pairs);
}

/** What `llmbench ab --a URL --b URL` measures: two servers that stand, with one load. Asks both what they are. */
export async function abOfUrls(
  urls: readonly [string, string],
  options: BenchOptions,
  pairs: number | undefined,
): Promise<AbPlan> {
  const load = options.concurrency === undefined && options.rate === undefined ? { concurrency: "1" } : {};
  const plans = await Promise.all(
    urls.map((url) => benchPlan(url, { ...options, ...load, repetitions: "1" })),
  );
  const [planA, planB] = plans as [Plan, Plan];
  const [a, b] = [planA.cells[0], planB.cells[0]] as [CellPlan, CellPlan];
  const sameHost = a.variant === b.variant;
  // Two names of one model are usual: one server calls it by its path, the other by its name on a hub.
  const model = a.model.id === b.model.id ? a.model.id : `${a.model.id} against ${b.model.id}`;
  const named = (cell: CellPlan, letter: "a" | "b"): CellPlan => ({
    ...cell,
    id: `${letter}--${cell.id}`.slice(0, 200),
    variant: sameHost ? `${letter} (${cell.variant})` : cell.variant,
    model: { ...cell.model, id: model },
  });
  const plan = { ...planA, name: "ab" };
  return design(plan, [named(a, "a"), named(b, "b")], "standing", pairs ?? AB_DEFAULTS.pairs);
}

function twoCells({ cells, baseline }: Plan, name: string): readonly [CellPlan, CellPlan] {
  const [first, second] = cells;
  const wrong = (message: string, hint: string) =>
    new LlmbenchError("AB_NOT_TWO", `${name}: ${message}`, {
      exitStatus: ExitStatus.usage,
      hint,
      details: cells.map(({ variant, model }) => `there is: ${variant} with ${model.id}`),
    });
  if (first === undefined || second === undefined || cells.length > 2) {
    throw wrong(
      `ab compares two variants of one model, and this has ${cells.length} ${cells.length === 1 ? "cell" : "cells"}.`,
      cells.length === 1
        ? "Add a second variant under engines; for the same setting twice, the same engine under another name."
        : "Choose two: --engine A,B and --model M, or leave the others out of the config.",
    );
  }
  if (first.model.id !== second.model.id) {
    throw wrong(
      "ab compares two variants of one model, and these serve different ones.",
      "Give both the same model; what differs with the model is no difference of the servers.",
    );
  }
  if (first.points.length !== second.points.length || first.points.length === 0) {
    throw wrong(
      `the two have ${first.points.length} and ${second.points.length} points, and each point of one is compared with its counterpart of the other.`,
      "Give both loads as many points, in the same order.",
    );
  }
  return second.variant === baseline ? [second, first] : [first, second];
}

/** Whether two cells would start the very same server; two that are the same in all are two servers, to be compared. */
function differInLoadAlone(a: CellPlan, b: CellPlan): boolean {
  const server = ({ engine, version, model, server: plan }: CellPlan) => ({
    engine,
    version,
    model,
    // A simulator draws its jitter from a seed of its cell's.
    plan: plan.kind === "simulated" ? { ...plan, seed: 0 } : plan,
  });
  const load = ({ request, warmupRequests, points }: CellPlan) => ({ request, warmupRequests, points });
  return isDeepStrictEqual(server(a), server(b)) && !isDeepStrictEqual(load(a), load(b));
}

function design(
  plan: Plan,
  [a, b]: readonly [CellPlan, CellPlan],
  servers: AbDesign["servers"],
  pairs: number,
): AbPlan {
  const onceEach = ({ points: given, order: _order, ...cell }: CellPlan): CellPlan => {
    const points = given.map(({ repetitions: _repetitions, ...point }) => point);
    return { ...cell, repetitions: pairs, points, ...drawPointOrders(points, pairs, plan.seed) };
  };
  return {
    plan: { ...plan, cells: [onceEach(a), onceEach(b)] },
    design: { a: a.id, b: b.id, servers, orders: drawOrders(pairs, plan.seed) },
  };
}
