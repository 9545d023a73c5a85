import type { SloPlan } from "../config/plan.ts";
import type { RecordHeader } from "../load/record.ts";
import type { Circumstances } from "./circumstances.ts";
import { type KnownDelays, type ProbeReadings, withErrorBars } from "./error-bars.ts";
import { computeMetrics } from "./metrics.ts";
import { countRequests, observe } from "./observations.ts";
import { endingOf } from "./precision.ts";
import type { RecordSource } from "./request-table.ts";
import { readSample } from "./sample.ts";
import type { ServerSeries } from "./schema/server-series.ts";
import type { Instrument, MeasurementSummary } from "./schema/summary.ts";
import { summariseServer } from "./server-load.ts";
import { judgeMeasurement } from "./verdict.ts";

/** What a summary says beside what is in the records. */
export interface MeasurementContext extends Circumstances {
  readonly cell: string;
  readonly repetition: number;
  readonly deployment: number;
  readonly instance: string;
  readonly specHash: string;
  /** ISO times. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Requests that were due; without it, those there are records of. */
  readonly planned?: number;
  readonly slos?: SloPlan;
  /** What the server said of itself meanwhile. */
  readonly server?: ServerSeries;
  /** The client's own readings; the rest of `instrument` is in the records. */
  readonly client?: Omit<
    Instrument,
    "transport" | "scheduleLagMs" | "reads" | "coalescedReads" | "connections"
  >;
  /** What the error bars are made of: a replay of the load, and the probe's readings in this measurement. */
  readonly calibration?: { readonly known: KnownDelays; readonly probe: ProbeReadings };
}

/** summary.json of one measurement, from its records (read twice) and what its maker knows. */
export async function summarise(
  header: RecordHeader,
  source: RecordSource,
  context: MeasurementContext,
): Promise<MeasurementSummary> {
  const sample = await readSample(source, header.load, header.dialect?.endTokenCounted ?? false);
  const { table } = sample;
  const seen = observe(sample);
  const requests = countRequests(table, context.planned ?? table.count);
  const computed = computeMetrics([sample], context.slos, header.seed);
  const { calibration } = context;
  const metrics =
    calibration === undefined
      ? computed
      : withErrorBars(computed, sample, seen, calibration.known, calibration.probe);
  const ending = endingOf(
    header.load,
    metrics,
    context.interrupted ? "interrupted" : (context.endedBy ?? "requests"),
  );
  const server = context.server === undefined ? undefined : summariseServer(context.server, table);
  const summary: MeasurementSummary = {
    schemaVersion: 1,
    simulated: context.simulated,
    cell: context.cell,
    point: header.point,
    repetition: context.repetition,
    load: header.load,
    deployment: context.deployment,
    instance: context.instance,
    specHash: context.specHash,
    seed: header.seed,
    startedAt: context.startedAt,
    finishedAt: context.finishedAt,
    requests,
    metrics,
    verdict: judgeMeasurement(header.load, requests, metrics, seen, context, server, ending),
    ...(ending === undefined ? {} : { ending }),
    ...(server === undefined ? {} : { server }),
  };
  if (context.client !== undefined) {
    summary.instrument = {
      transport: header.client.transport,
      ...context.client,
      scheduleLagMs: seen.scheduleLagMs ?? { p50: 0, p99: 0, max: 0 },
      reads: table.reads,
      coalescedReads: table.coalescedReads,
      connections: table.connections,
    };
  }
  return summary;
}
