import { join } from "node:path";
import type { ProfilingPlan } from "../config/cluster-plan.ts";
import { LlmbenchError } from "../error.ts";
import { startClock } from "../load/clock.ts";
import { measure } from "../load/generator.ts";
import { type Exec, Recorder } from "../profiling/recorder.ts";
import { SecretScan } from "../profiling/secret-scan.ts";
import type { StatsReport } from "../profiling/tables.ts";
import { beginCapture, finishCapture, storeStream } from "../results/profile-folder.ts";
import type { ProfileCapture, ProfileLoad } from "../results/schema/profile.ts";
import type { CellSession } from "./cell-session.ts";
import type { StepContext } from "./context.ts";
import { interruptedError } from "./interrupted.ts";
import type { ProfiledServer } from "./profiled-server.ts";
import { promptsOf, requestsOf } from "./request-plan.ts";
import type { ServerRef } from "./server-ref.ts";

export interface RecordInput {
  /** Of the profiled server, which is up and warm. */
  readonly session: CellSession;
  readonly server: ServerRef;
  readonly profiled: ProfiledServer;
  readonly profiling: ProfilingPlan;
  readonly exec: Exec;
  /** Of the server that was measured. */
  readonly measuredHash: string;
  /** Values that must not be in a report. */
  readonly secrets: readonly string[];
}

/**
 * Records a warm server under the plan's load, and leaves report, tables and capture.json in the deployment's folder.
 * Throws PROFILER_NOT_FOUND, PROFILE_NOT_STARTED, PROFILE_LOAD_FAILED, PROFILE_NOT_WRITTEN, PROFILE_UNREADABLE,
 * PROFILE_EMPTY, PROFILE_HOLDS_SECRET.
 */
export async function recordProfile(context: StepContext, input: RecordInput): Promise<void> {
  const { session, server, profiled, profiling } = input;
  const { run, signal } = context;
  const cell = session.cell.id;
  const note = (text: string) => context.progress({ kind: "note", cell, text });
  const recorder = new Recorder({
    exec: input.exec,
    nsys: profiled.nsys,
    session: profiled.session,
    withoutEnv: profiled.withheld,
    signal,
  });
  const version = await recorder.version();
  const folder = await beginCapture(run, cell, server.deployment);
  try {
    await recorder.start();
    const recordedAt = new Date().toISOString();
    const begun = performance.now();
    note(`recording ${profiling.requests} requests`);
    const load = await loadServer(context, input);
    const captureSeconds = (performance.now() - begun) / 1000;
    note("writing the report");
    await recorder.stop();
    note("reading the report");
    const tables = await recorder.tables();
    const gpus = await recorder.timelines();
    await refuseSecrets(recorder, input);
    note("copying the report");
    const files = await storeFiles(recorder, folder, tables);
    if (tables.size === 0) throw nothingRecorded(cell, folder, profiling);
    if (!tables.has("cuda_gpu_kern_sum") && !profiling.allowNoCuda) throw noKernel(cell, folder);
    const { simulated } = await session.resolve();
    await finishCapture(run, {
      schemaVersion: 1,
      simulated,
      cell,
      deployment: server.deployment,
      specHash: input.measuredHash,
      asked: profiling,
      tool: { name: "nsys", version },
      recordedAt,
      captureSeconds,
      load,
      withheld: [...profiled.withheld],
      isolated: profiled.isolated,
      gpus,
      files,
    });
  } finally {
    await recorder.clean();
  }
}

async function loadServer(context: StepContext, input: RecordInput): Promise<ProfileLoad> {
  const { session, server, profiling } = input;
  const { concurrency, outputTokens, requests } = profiling;
  const load = { arrival: "closed" as const, concurrency, outputTokens, requests };
  const { seed } = context.plan;
  const clock = startClock();
  const transport = await session.transport(server.url, clock, concurrency);
  const errors = new Set<string>();
  try {
    const asking = await session.asking(server.url);
    const outcome = await measure({
      transport,
      requests: requestsOf(asking, { id: "profile", block: "", load }, await promptsOf(session.cell, seed)),
      read: { maxTokens: outputTokens },
      load,
      seed,
      clock,
      timeoutMs: session.cell.request.timeoutSeconds * 1000,
      signal: context.signal,
      recorder: { write: ({ error }) => void (error === undefined || errors.add(error.message)) },
      giveUpAfterFailures: Math.max(5, concurrency),
    });
    if (context.signal.aborted) throw interruptedError(context.run);
    const { planned, ok } = outcome.requests;
    if (ok === 0) {
      throw new LlmbenchError(
        "PROFILE_LOAD_FAILED",
        `${session.cell.id}: none of ${planned} requests succeeded while the server was recorded`,
        {
          hint: "the server answered before; it may be too slow under nsys for the request timeout: ask for fewer tokens or requests in `profiling`",
          details: [...errors].slice(0, 5),
        },
      );
    }
    return { concurrency, outputTokens, planned, ok, failed: planned - ok };
  } finally {
    await transport.close();
  }
}

async function storeFiles(
  recorder: Recorder,
  folder: string,
  tables: ReadonlyMap<StatsReport["id"], string>,
): Promise<ProfileCapture["files"]> {
  const name = "server.nsys-rep";
  const bytes = await storeStream(join(folder, name), (sink) => recorder.copyReport(sink));
  const files = [{ name, bytes }];
  for (const [id, table] of tables) {
    const csv = `${id}.csv`;
    const size = await storeStream(join(folder, csv), async (sink) => void sink.write(table));
    files.push({ name: csv, bytes: size });
  }
  return files;
}

/** Looks for values of secrets in what nsys made, before any of it is kept. */
async function refuseSecrets(recorder: Recorder, { secrets, profiled }: RecordInput): Promise<void> {
  if (secrets.length === 0) return;
  const scan = new SecretScan(secrets);
  await recorder.copyReport(scan);
  await recorder.copyDatabase(scan);
  if (scan.found) {
    throw new LlmbenchError(
      "PROFILE_HOLDS_SECRET",
      "the report holds the value of a secret and was not kept",
      {
        hint: profiled.isolated
          ? "the server was started without its secret variables, so the value came another way: in its arguments, or in a variable whose name does not say what it is"
          : "nsys writes the environment of every process that it sees into a report: let it run in a process namespace of its own (install unshare of util-linux, allow user namespaces), or run llmbench where these variables are not set",
        details: [`secret variables: ${profiled.withheld.join(", ")}`],
      },
    );
  }
}

/** Allowed nowhere: whatever was traced, a server that answers does some of it. */
function nothingRecorded(cell: string, folder: string, { trace }: ProfilingPlan): LlmbenchError {
  return new LlmbenchError(
    "PROFILE_EMPTY",
    `${cell}: the profile is empty: nsys saw nothing of what it was to trace (${trace.join(", ")})`,
    {
      hint: trace.includes("osrt")
        ? "nsys did not see the server's process: look into its log for what nsys launch said, and that the server's program is not linked statically"
        : "without a GPU there are calls of the operating system to see: add osrt to `profiling.trace`; with one, take an nsys that is as new as the CUDA of the server",
      details: [`the report: ${join(folder, "server.nsys-rep")}`],
    },
  );
}

function noKernel(cell: string, folder: string): LlmbenchError {
  return new LlmbenchError("PROFILE_EMPTY", `${cell}: the profile holds no CUDA kernel`, {
    hint: 'either no GPU was used (then `profiling.allowNoCuda: true` lets it pass as "no CUDA data"), or nsys did not see the process that uses it: take an nsys that is as new as the CUDA of the server, and look into the report with nsys-ui',
    details: [`the report: ${join(folder, "server.nsys-rep")}`],
  });
}
