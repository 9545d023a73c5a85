import type { PointPlan } from "../config/plan.ts";
import { type Clock, startClock } from "../load/clock.ts";
import type { LoadClient } from "../load/load-client.ts";
import type { MeasurementOutcome, Progress, Recorder } from "../load/measurement.ts";
import type { RecordHeader } from "../load/record.ts";
import { readRecords } from "../load/record-reader.ts";
import { openRecordWriter } from "../load/record-writer.ts";
import type { ClientSettings } from "../load/worker-messages.ts";
import type { ProbeReadings } from "../results/error-bars.ts";
import { PrecisionRule } from "../results/precision.ts";
import type { ServerSeries } from "../results/schema/server-series.ts";
import type { MeasurementSummary } from "../results/schema/summary.ts";
import { summarise } from "../results/summary.ts";
import { version } from "../version.ts";
import type { CellSession } from "./cell-session.ts";
import { checkServer, type RequestFailure } from "./check-server.ts";
import { clientReadings } from "./client-readings.ts";
import type { StepContext } from "./context.ts";
import { contractedPrompts } from "./contracted-prompts.ts";
import { expectedE2eMs, type RequestEstimate } from "./estimate.ts";
import { judgeNeighbours } from "./judge-neighbours.ts";
import { requestsOf } from "./request-plan.ts";
import type { ServerRef } from "./server-ref.ts";
import type { TokensSeen } from "./server-watch.ts";

export interface MeasurePointInput {
  readonly session: CellSession;
  readonly server: ServerRef;
  readonly point: PointPlan;
  readonly repetition: number;
  readonly seed: number;
  readonly estimate: RequestEstimate | undefined;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * One measurement: records, then its summary, which says that it is whole. An interrupted one is judged so; one whose
 * server is gone gets none. Throws SERVER_DIED, SERVER_SILENT, RECORD_WRITE.
 */
export async function measurePoint(
  context: StepContext,
  input: MeasurePointInput,
): Promise<MeasurementSummary> {
  const { session, server, point, repetition, seed } = input;
  const { run, plan } = context;
  const { dialect, simulated } = await session.resolve();
  const backend = await session.backend();
  const paths = await run.beginMeasurement(session.cell.id, point.id, repetition);
  // The same prompts in each cell; two cells may be one server where servers stand.
  const where = backend.kind === "standing" ? session.cell.id : "";
  const occasion = `${run.id} ${where} ${point.id} ${repetition} ${paths.attempt}`;
  const contracted = await contractedPrompts({ session, url: server.url, point, seed, occasion });
  const requests = requestsOf(await session.asking(server.url), point, contracted.prompts);
  const e2eMs =
    input.estimate === undefined ? undefined : expectedE2eMs(input.estimate, point.load.outputTokens);

  const othersBefore = await session.otherServers(server.url);
  const clock = startClock();
  const inFlight = point.load.concurrency ?? point.load.maxConcurrency;
  const workers = Math.min(plan.workers ?? 1, inFlight ?? Number.POSITIVE_INFINITY);
  const openClient = async (at: Clock, settings: ClientSettings) =>
    await context.clients.open(at, settings, workers);
  const transport = await session.transportOptions(server.url, inFlight);
  const client = await openClient(clock, { transport });
  const header: RecordHeader = {
    schemaVersion: 1,
    point: point.id,
    load: definedOnly(point.load),
    seed,
    clock: { epochMs: clock.epochMs, hrtimeNs: clock.hrtimeNs },
    client: { version, transport: client.transport, node: process.versions.node, workers: client.workers },
    dialect: { name: dialect.name, endTokenCounted: dialect.endTokenCounted },
    ...(simulated ? { simulated: true } : {}),
  };
  const { precision } = point.load;
  const rule =
    precision === undefined
      ? undefined
      : new PrecisionRule({ ...point.load, precision }, dialect.endTokenCounted);
  const writer = await openRecordWriter(paths.records, header).catch(async (error: unknown) => {
    await client.close();
    throw error;
  });
  const watching = await session.watch(server, clock);
  const seen: TokensSeen = { prompt: 0, output: 0, unknown: 0 };
  let cut: RequestFailure | undefined;
  const startedAt = new Date().toISOString();
  let outcome: MeasurementOutcome;
  let series: ServerSeries | undefined;
  let readings: ProbeReadings | undefined;
  try {
    await watching?.watch.start();
    // A disk that is full, or a stop asked for by a person, ends the load; nothing more is sent.
    const diskTrouble = new AbortController();
    writer.failed.catch(() => diskTrouble.abort());
    await openConnections(client, connectionsAhead(point, e2eMs));
    const stamps = await context.calibrator?.stampsPort();
    if (stamps !== undefined) await client.watchDelays(stamps);
    outcome = await client.measure({
      requests,
      read: { saveText: session.cell.request.saveText, maxTokens: point.load.outputTokens },
      load: header.load,
      seed,
      timeoutMs: session.cell.request.timeoutSeconds * 1000,
      ...(e2eMs === undefined ? {} : { expectedE2eMs: e2eMs }),
      signal: AbortSignal.any([context.signal, diskTrouble.signal]),
      recorder: watched(masked(writer, context.mask), seen, (failure) => {
        if (brokeOff.has(failure.kind)) cut = failure;
      }),
      ...(rule === undefined ? {} : { enough: (record) => rule.saw(record) }),
      onProgress: (seen) =>
        input.onProgress(rule === undefined ? seen : { ...seen, planned: answersToCome(rule, seen) }),
      giveUpAfterFailures: Math.max(5, point.load.concurrency ?? 0),
    });
    series = await watching?.watch.stop(seen);
    await writer.close();
  } catch (error) {
    watching?.watch.cancel();
    // The first failure is the one to tell, also where the disk fails in turn.
    await writer.abandon().catch(() => {});
    throw error;
  } finally {
    watching?.close();
    readings = await client.close();
  }
  const finishedAt = new Date().toISOString();
  if (series !== undefined) await run.writeServerSeries(session.cell.id, point.id, repetition, series);

  const state = await checkServer(context, session, { server, point: point.id, outcome, cut });
  const othersAfter = await session.otherServers(server.url);
  const neighbours = await session.neighbours();
  const { firstSentUs, lastEndUs } = outcome;
  const played =
    outcome.stopped !== "complete" || firstSentUs === undefined || lastEndUs === undefined
      ? undefined
      : await context.calibrator?.replay({
          key: [session.cell.id, loadKey(point)].join(),
          recordsPath: paths.records,
          span: { firstUs: firstSentUs, lastUs: lastEndUs },
          streams: point.load.concurrency ?? connectionsAhead(point, e2eMs) / 2,
          openClient,
          transportName: client.transport,
          body: requests(0).body ?? Buffer.alloc(0),
          signal: context.signal,
        });
  const summary = await summarise(header, () => recordsOf(paths.records), {
    simulated,
    cell: session.cell.id,
    repetition,
    deployment: server.deployment,
    instance: server.instance,
    specHash: await session.specHash(server),
    startedAt,
    finishedAt,
    planned: outcome.requests.planned,
    ...(plan.slos === undefined ? {} : { slos: plan.slos }),
    outputLength: !session.cell.request.forceOutputLength
      ? "free"
      : dialect.ignoreEos === null
        ? "not-forceable"
        : "forced",
    instanceChanged: state.instance !== undefined && state.instance !== server.instance,
    ...(state.restartedAfter === undefined
      ? {}
      : { instanceEnded: `${state.restartedAfter.reason}. ${state.restartedAfter.hint}` }),
    cache: contracted.contract,
    ...(contracted.expectedCachedTokens === undefined
      ? {}
      : { expectedCachedTokens: contracted.expectedCachedTokens }),
    ownServer: backend.kind !== "standing",
    ...(series === undefined ? {} : { server: series }),
    interrupted: outcome.stopped === "aborted",
    ...(rule === undefined ? {} : { endedBy: endedBy(rule, outcome, point) }),
    clientBesideServer:
      backend.kind === "process" || (state.node !== undefined && state.node === process.env["LLMBENCH_NODE"]),
    reasons: backend.kind === "kubernetes" ? judgeNeighbours(neighbours, plan.cluster?.serversPerNode) : [],
    otherServers: [...new Set([...othersBefore, ...othersAfter])],
    ...clientReadings(outcome.instrument, readings, played, client.workers),
  });
  await run.finishMeasurement(summary);
  return summary;
}

/** What a load that goes on until it is precise ended by. */
function endedBy(
  rule: PrecisionRule,
  { stopped, requests }: MeasurementOutcome,
  { load }: PointPlan,
): "precision" | "requests" | "time" | "failures" {
  if (rule.reached) return "precision";
  if (stopped === "failures") return "failures";
  return requests.planned >= (load.requests ?? Number.POSITIVE_INFINITY) ? "requests" : "time";
}

/** How many requests such a load may take, as it looks now: at most its limit. */
function answersToCome(rule: PrecisionRule, { done, planned }: Progress): number {
  return Math.min(planned ?? Number.POSITIVE_INFINITY, Math.max(done, rule.expectedAnswers));
}

/** A server may repeat a key in its refusal; what it says is kept without it. */
function masked(recorder: Recorder, mask: (text: string) => string): Recorder {
  return {
    write: (record) =>
      recorder.write(
        record.error === undefined
          ? record
          : { ...record, error: { ...record.error, message: mask(record.error.message) } },
      ),
  };
}

/** What requests meet whose server has just gone. */
const brokeOff: ReadonlySet<RequestFailure["kind"]> = new Set(["refused", "connect", "reset"]);

/** Adds up the usage of what is recorded, for who compares it with the server's counters. */
function watched(
  recorder: Recorder,
  seen: TokensSeen,
  onFailure: (failure: RequestFailure) => void,
): Recorder {
  return {
    write: (record) => {
      const { prompt, output } = record.tokens;
      seen.prompt += prompt ?? 0;
      seen.output += output ?? 0;
      if (record.error !== undefined || prompt === undefined || output === undefined) seen.unknown++;
      if (record.error !== undefined) onFailure(record.error);
      recorder.write(record);
    },
  };
}

async function* recordsOf(path: string) {
  const { records } = await readRecords(path);
  yield* records;
}

/** A server that refuses here will refuse the requests too, and there each refusal is recorded. */
async function openConnections(client: LoadClient, n: number): Promise<void> {
  await client.open(n).catch(() => undefined);
}

/** Closed loop: one a stream. Open loop: twice what is in flight on average (Little's law), at most the cap. */
function connectionsAhead(point: PointPlan, e2eMs: number | undefined): number {
  const { concurrency, ratePerSecond, maxConcurrency } = point.load;
  if (concurrency !== undefined) return concurrency;
  const inFlight = ((ratePerSecond ?? 1) * (e2eMs ?? 1000)) / 1000;
  return Math.min(maxConcurrency ?? 512, Math.ceil(2 * inFlight) + 1);
}

/** What decides how busy the client is: answers' lengths do not. */
function loadKey({ load }: PointPlan): string {
  return `${load.arrival} ${load.concurrency ?? load.ratePerSecond} ${load.maxConcurrency ?? ""}`;
}

/** zod's optional keys may hold undefined; a record's header has no such keys. */
function definedOnly(load: PointPlan["load"]): RecordHeader["load"] {
  return Object.fromEntries(
    Object.entries(load).filter(([, value]) => value !== undefined),
  ) as unknown as RecordHeader["load"];
}
