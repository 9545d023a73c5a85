import { isDeepStrictEqual } from "node:util";
import type { ProfilingPlan } from "../../src/config/cluster-plan.ts";
import { LlmbenchError } from "../../src/error.ts";
import { findIsolation } from "../../src/profiling/isolation.ts";
import { profilingNotPossible } from "../../src/profiling/recorder.ts";
import { readCapture } from "../../src/results/profile-folder.ts";
import type { CellSession } from "../../src/steps/cell-session.ts";
import type { StepContext } from "../../src/steps/context.ts";
import { type ProfiledServer, profiledServer } from "../../src/steps/profiled-server.ts";
import { recordProfile } from "../../src/steps/record-profile.ts";
import type { ServerRef } from "../../src/steps/server-ref.ts";
import { defineStep } from "../../src/steps/step.ts";
import { takeDown } from "../../src/steps/take-down.ts";
import { warmUp } from "../../src/steps/warm-up.ts";
import { profile } from "./contract.ts";

export default defineStep(profile, async ({ server: measured }, context) => {
  const { cell } = measured;
  const { profiling } = context.plan;
  const session = context.session(cell);
  const backend = await session.backend();
  const exec = backend.exec?.bind(backend);
  if (profiling === undefined || exec === undefined) throw profilingNotPossible();
  const { spec, ...resolved } = await session.resolve();
  const measuredHash = await session.specHash(measured);
  const kept = await findCapture(context, cell, measuredHash, profiling);
  if (kept !== undefined) return { report: { cell, deployment: kept }, recorded: false };

  const isolation =
    backend.kind === "process"
      ? await findIsolation((words, options) => exec(spec, words, options), context.signal)
      : [];
  const profiled = profiledServer({ ...resolved, spec }, profiling, process.env, isolation);
  // The measured server's log goes with it.
  await takeDown(context, cell);
  const other = session.startedAs(() => profiled.resolved);
  const server = await start(context, other, profiled, measured);
  const { spec: profiledSpec } = profiled.resolved;
  await recordProfile(context, {
    session: other,
    server,
    profiled,
    profiling,
    exec: (words, options) => exec(profiledSpec, words, options),
    measuredHash,
    // A path is no secret, whatever the variable is called.
    secrets: profiled.withheld
      .flatMap((name) => spec.env[name] ?? process.env[name] ?? [])
      .filter((value) => !value.startsWith("/")),
  });
  await takeDown(context, cell);
  return { report: { cell, deployment: server.deployment }, recorded: true };
});

/** A whole recording of this very server with what is asked now: made by an earlier try. */
async function findCapture(
  { run }: StepContext,
  cell: string,
  specHash: string,
  profiling: ProfilingPlan,
): Promise<number | undefined> {
  for (const deployment of (await run.listDeployments(cell)).reverse()) {
    const stored = await readCapture(run, cell, deployment);
    if (!stored.found || stored.value.specHash !== specHash) continue;
    if (isDeepStrictEqual(stored.value.asked, profiling)) return deployment;
  }
  return undefined;
}

/** Puts the profiled server in the measured one's place and warms it up. */
async function start(
  context: StepContext,
  session: CellSession,
  { withheld, assumed }: ProfiledServer,
  measured: ServerRef,
): Promise<ServerRef> {
  context.progress({ kind: "note", cell: measured.cell, text: "starting the server again under nsys" });
  try {
    return (await warmUp(context, session, measured)).server;
  } catch (error) {
    if (!(error instanceof LlmbenchError) || context.signal.aborted) throw error;
    throw new LlmbenchError(
      "PROFILE_SERVER_FAILED",
      `${measured.cell}: the server that was measured does not work under nsys: ${error.message} (${error.code})`,
      {
        hint: "read its log in the last deployment's folder; docs/profiling.md says what nsys needs",
        details: [
          ...error.details,
          ...(assumed === undefined
            ? []
            : [
                `nsys was told to start "${assumed}", as the makers' image does by itself: give the variant's \`command\` where this image starts another`,
              ]),
          ...(withheld.length === 0
            ? []
            : [
                `It was started without these variables, since a profile keeps their values: ${withheld.join(", ")}`,
              ]),
        ],
        cause: error,
      },
    );
  }
}
