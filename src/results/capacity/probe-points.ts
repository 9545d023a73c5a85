import type { CapacitySearchPlan, PointPlan, SloPlan } from "../../config/plan.ts";
import type { MeasurementSummary } from "../schema/summary.ts";
import type { ReasonCode } from "../schema/verdict.ts";
import { MISSING, type Probe, type ProbeOutcome, type SearchResult } from "./probe.ts";
import { searchCapacity } from "./search.ts";

/** Shares of a probe's schedule at its start and end that do not count: it begins and ends with an empty server. */
const TRIM: [number, number] = [0.2, 0.02];

/** Reasons that name the client: the server had no part in them. */
const CLIENT: ReadonlySet<ReasonCode> = new Set(["rate-not-held", "client-cpu", "client-too-slow"]);
/** Requests that leave late lose this share of what the tightest SLO from the schedule on allows. */
const LAG_OF_SLO = 0.25;

/** Where a probe is measured and kept: a point of its load and length, and which of its repetitions. */
export interface ProbePlace {
  readonly point: PointPlan;
  readonly repetition: number;
}

/** Places of a search's probes, asked for in the order of the search. */
export function probePlaces(search: CapacitySearchPlan): (probe: Probe) => ProbePlace {
  const before = new Map<string, number>();
  return (probe) => {
    const closed = search.by === "concurrency" || probe.phase === "lone";
    const { maxConcurrency, ...load } = search.load;
    const id = `${search.id}-${closed ? "c" : "r"}${probe.load}-n${probe.requests}`;
    const repetition = (before.get(id) ?? 0) + 1;
    before.set(id, repetition);
    const arrival: PointPlan["load"] = closed
      ? { arrival: "closed", concurrency: probe.load, ...load }
      : {
          arrival: "poisson",
          ratePerSecond: probe.load,
          ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
          ...load,
        };
    // A lone stream leaves no queue behind: all its requests count.
    const trim = probe.phase === "lone" ? {} : { trim: TRIM };
    return {
      point: { id, block: search.block, load: { ...arrival, requests: probe.requests, ...trim } },
      repetition,
    };
  };
}

/** What a probe's measurement says to the search. */
export function outcomeOf(
  summary: Pick<MeasurementSummary, "metrics" | "instrument" | "verdict" | "startedAt" | "finishedAt">,
  slos: SloPlan,
): ProbeOutcome {
  const { metrics, startedAt, finishedAt } = summary;
  const e2eMs = (metrics.userE2eMs ?? metrics.e2eMs).mean;
  return {
    good: metrics.goodput?.good ?? 0,
    all: metrics.goodput?.judged ?? 0,
    seconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
    e2eSeconds: e2eMs === null ? null : e2eMs / 1000,
    clientFailed: hasClientFailed(summary, slos),
  };
}

/** A lag that is large beside a short TTFT may be nothing beside the SLO, which is what a search asks about. */
function hasClientFailed(
  { instrument, verdict }: Pick<MeasurementSummary, "instrument" | "verdict">,
  slos: SloPlan,
): boolean {
  const allowedMs = LAG_OF_SLO * Math.min(slos.ttftMs ?? Infinity, slos.e2eMs ?? Infinity);
  const lagMs = instrument?.scheduleLagMs.p99 ?? Number.POSITIVE_INFINITY;
  return verdict.reasons.some(
    ({ code, status }) =>
      status === "invalid" && (CLIENT.has(code) || (code === "schedule-lag" && lagMs > allowedMs)),
  );
}

/** A probe of a search that went over what is stored, and where it lies. */
export interface StoredProbe extends ProbePlace {
  readonly summary: MeasurementSummary;
}

/** The search again, over what it measured; `stored` gives undefined where a measurement is missing, and it ends there. */
export async function replaySearch(
  search: CapacitySearchPlan,
  slos: SloPlan,
  stored: (place: ProbePlace) => Promise<MeasurementSummary | undefined>,
): Promise<{ result: SearchResult; probes: readonly StoredProbe[] }> {
  const placeOf = probePlaces(search);
  const steps = searchCapacity(search);
  const probes: StoredProbe[] = [];
  let step = steps.next();
  while (!step.done) {
    const place = placeOf(step.value);
    const summary = await stored(place);
    if (summary === undefined) step = steps.throw(MISSING);
    else {
      probes.push({ ...place, summary });
      step = steps.next(outcomeOf(summary, slos));
    }
  }
  return { result: step.value, probes };
}
