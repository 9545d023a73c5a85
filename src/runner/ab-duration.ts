import type { Plan, PointPlan } from "../config/plan.ts";
import type { AbDesign } from "../results/schema/ab.ts";
import type { WarmupRecord } from "../results/schema/warmup.ts";
import { estimateRequest, expectedE2eMs, type RequestEstimate } from "../steps/estimate.ts";
import { formatSeconds } from "./line.ts";

/** Shortest and longest that something is expected to take, seconds. */
type Span = readonly [number, number];

/** What will be done, from the plan alone. */
export function workWords(plan: Plan, { orders, servers, a, b }: AbDesign, pairsLeft: number): string {
  const points = [a, b].flatMap((id) => plan.cells.find((cell) => cell.id === id)?.points ?? []);
  const sum = (of: (load: PointPlan["load"]) => number) =>
    points.reduce((total, { load }) => total + of(load), 0) * pairsLeft;
  const requests = sum((load) => (byTheClock(load) ? 0 : (load.requests ?? 0)));
  const seconds = sum(scheduledSeconds);
  const how = {
    one: "each block starts its server and takes it down",
    both: "both servers stay up",
    shared: "A and B differ in load alone and share one server",
    standing: "both servers stand already",
  }[servers];
  const left = pairsLeft === orders.length ? "" : `, ${pairsLeft} of them to measure`;
  const work = [
    ...(requests > 0 ? [`${requests} requests`] : []),
    ...(seconds > 0 ? [`${formatSeconds(seconds)} of load by the clock`] : []),
  ];
  const time =
    requests === 0
      ? `Expected to take at least ${formatSeconds(seconds)}`
      : "How long that takes is estimated as soon as the first server is warm";
  return `${orders.length} pairs of blocks (${orders.join(" ")})${left}; ${how}. ${work.join(" and ")} in ${pairsLeft * 2} blocks. ${time}.`;
}

/** A load that ends when it is precise is counted by its limits. */
function byTheClock({ durationSeconds, precision }: PointPlan["load"]): boolean {
  return durationSeconds !== undefined && precision === undefined;
}

/** Seconds that a point's load takes whatever the server does; 0 where the server decides. */
function scheduledSeconds({ durationSeconds, ratePerSecond, requests }: PointPlan["load"]): number {
  if (durationSeconds !== undefined) return durationSeconds;
  return ratePerSecond === undefined ? 0 : (requests ?? 0) / ratePerSecond;
}

/**
 * One block, by what a server's start and warm-up took: at the shortest requests in flight do not slow each other, at the
 * longest they do not overlap at all.
 */
export function blockSeconds(points: readonly PointPlan[], warmup: WarmupRecord, startSeconds: number): Span {
  const request = estimateRequest(warmup);
  const around = startSeconds + warmup.e2eMs.reduce((sum, ms) => sum + ms, 0) / 1000;
  return points
    .map(({ load }) => loadSeconds(load, request))
    .reduce<Span>(([least, most], [low, high]) => [least + low, most + high], [around, around]);
}

function loadSeconds(load: PointPlan["load"], estimate: RequestEstimate | undefined): Span {
  const each = estimate === undefined ? 0 : expectedE2eMs(estimate, load.outputTokens) / 1000;
  const scheduled = scheduledSeconds(load);
  if (scheduled > 0) return [scheduled + each, scheduled + each];
  const all = (load.requests ?? 0) * each;
  return [all / (load.concurrency ?? 1), all];
}

export function durationWords([least, most]: Span, blocks: number): string {
  const [low, high] = [formatSeconds(least * blocks), formatSeconds(most * blocks)];
  const span = low === high ? `about ${low}` : `between ${low} and ${high}`;
  return `Expected to take ${span}: an estimate from the first server's start and warm-up, as if the other were as fast.`;
}
