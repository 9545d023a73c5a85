import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../error.ts";
import type { MeasurementOutcome } from "../load/measurement.ts";
import type { RequestRecord } from "../load/record.ts";
import type { KnownInstance, ServerBackend, ServerState } from "../servers/server.ts";
import type { CellSession } from "./cell-session.ts";
import type { StepContext } from "./context.ts";
import { interruptedError, resumeCommand } from "./interrupted.ts";
import type { ServerRef } from "./server-ref.ts";

export type RequestFailure = NonNullable<RequestRecord["error"]>;

/** An answer of the server, if not the one asked for: it is there, and busy or of another mind. */
const answers: ReadonlySet<RequestFailure["kind"]> = new Set(["http", "stream"]);

/**
 * Where requests of a measurement failed: looks whether the server is still there and answers one more. Throws
 * SERVER_DIED or SERVER_SILENT when not, since every further point would fail as well; the measurement is then not
 * finished.
 */
export async function checkServer(
  context: StepContext,
  session: CellSession,
  measured: {
    readonly server: ServerRef;
    readonly point: string;
    readonly outcome: MeasurementOutcome;
    /** Why the last request failed whose connection broke or could not be made. */
    readonly cut: RequestFailure | undefined;
  },
): Promise<ServerState> {
  const { server, point, outcome, cut } = measured;
  const doing = `${point} was measured`;
  const inspect = await inspectorOf(context, session, server);
  const state = await inspect();
  const { failed, timedOut, ok } = outcome.requests;
  if (context.signal.aborted || failed + timedOut === 0) return state;
  if (!state.running) throw await diedError(context, session, doing, state);
  const failure = await session.prove(server.url, context.signal);
  if (context.signal.aborted) throw interruptedError(context.run);
  const answered = failure === undefined || answers.has(failure.kind);
  // One whose connections broke may answer again by now, started anew.
  const gone = answered ? cut : failure;
  if (gone !== undefined) await throwIfGone(context, session, { server, failure: gone, doing });
  if (answered) return await inspect();
  throw new LlmbenchError(
    "SERVER_SILENT",
    `${server.cell}: the server runs but no longer answers as it should: ${failure.message}. Of the requests of ${point}, ${failed + timedOut} failed and ${ok} did not.`,
    {
      hint: `${seeLog(context, session, server)}${goOn(context)}`,
      details: await lastLines(context, session),
    },
  );
}

/** The end of a server is told a moment after its connections broke: so long it is looked for, ms. */
const toldWithinMs: Readonly<Record<ServerBackend["kind"], number>> = {
  kubernetes: 10_000,
  process: 1_000,
  standing: 0,
};

/** Where a single request failed: throws SERVER_DIED if its server is gone by now, or was started again since. */
export async function throwIfGone(
  context: StepContext,
  session: CellSession,
  failed: { readonly server: ServerRef; readonly failure: RequestFailure; readonly doing: string },
): Promise<void> {
  const { server, failure, doing } = failed;
  const inspect = await inspectorOf(context, session, server);
  const { kind } = await session.backend();
  const lookUntil = performance.now() + (answers.has(failure.kind) ? 0 : toldWithinMs[kind]);
  for (;;) {
    const state = await inspect();
    if (!state.running) throw await diedError(context, session, doing, state);
    if (state.instance !== undefined && state.instance !== server.instance) {
      const ended = state.restartedAfter ?? { reason: "another instance has its place" };
      throw await diedError(context, session, doing, { ...state, ...ended });
    }
    if (performance.now() > lookUntil || context.signal.aborted) return;
    await sleep(500);
  }
}

/** Looks at a step's server: whether it runs, and whether it is still the instance that the step was given. */
async function inspectorOf(
  { run }: StepContext,
  session: CellSession,
  { cell, deployment, instance }: ServerRef,
): Promise<() => Promise<ServerState>> {
  const stored = await run.readServer(cell, deployment);
  const node = stored.found && stored.value.instance === instance ? stored.value.node : undefined;
  const known: KnownInstance = { instance, ...(node === undefined ? {} : { node }) };
  const backend = await session.backend();
  return () => backend.inspect(session.serverKey, known);
}

async function diedError(
  context: StepContext,
  session: CellSession,
  doing: string,
  { reason, hint }: ServerState,
): Promise<LlmbenchError> {
  const [how = "is gone"] = reason?.split("\n") ?? [];
  return new LlmbenchError(
    "SERVER_DIED",
    `${session.cell.id}: ${whatHappened((await session.backend()).kind, how, doing)}`,
    {
      hint: `${hint === undefined ? "" : `${hint}. `}${goOn(context)}`,
      details: await lastLines(context, session),
    },
  );
}

/** What is known of a process is how it ended; of a pod a clause says it. */
function whatHappened(kind: ServerBackend["kind"], how: string, doing: string): string {
  if (kind === "standing") return `the server went away while ${doing}: ${how}`;
  return kind === "process"
    ? `the server ${how} while ${doing}.`
    : `the server was gone while ${doing}: ${how}.`;
}

async function lastLines(context: StepContext, session: CellSession): Promise<string[]> {
  const lines = await (await session.backend()).logs(session.serverKey, 10);
  return lines.map((line) => `| ${line}`);
}

/** A pod's log comes to the share when the server is taken down; the command finds it before and after. */
function seeLog({ run, plan }: StepContext, session: CellSession, { cell, deployment }: ServerRef): string {
  const { kind } = session.cell.server;
  if (kind === "standing") return "";
  if (kind !== "kubernetes") return `See its log: ${session.logPath(deployment)}. `;
  return `See its log: llmbench logs ${run.id} -n ${plan.cluster?.namespace} --cell ${cell} --step server. `;
}

function goOn({ run }: StepContext): string {
  return `What was measured before is kept; this goes on from there: ${resumeCommand(run)}`;
}
