import deploy from "../../steps/deploy/run.ts";
import prepare from "../../steps/prepare/run.ts";
import teardown from "../../steps/teardown/run.ts";
import waitHealthy from "../../steps/wait-healthy/run.ts";
import type { FailOn, PointPlan } from "../config/plan.ts";
import { asLlmbenchError, ExitStatus, LlmbenchError } from "../error.ts";
import type { AbDesign } from "../results/schema/ab.ts";
import { fails } from "../results/verdict.ts";
import type { StepContext } from "../steps/context.ts";
import { interruptedError } from "../steps/interrupted.ts";
import type { PlacedStep } from "../steps/plugin-step.ts";
import type { ServerRef } from "../steps/server-ref.ts";
import { blockSeconds, durationWords, workWords } from "./ab-duration.ts";
import { formatSeconds } from "./line.ts";
import { type Block, runCell, writeStatus } from "./run-cell.ts";
import { finishRun, type RunOutcome } from "./run-cells.ts";

/**
 * The local executor of an A/B: pairs of blocks in the order that was drawn, each block the steps of one cell with one
 * repetition of its points. A pair that is not whole is measured again as a whole, since its two blocks must be neighbours
 * in time. The first block that fails ends it: half a comparison is none.
 */
export async function runAb(
  context: StepContext,
  design: AbDesign,
  added: readonly PlacedStep[],
  tell: (error: LlmbenchError) => void,
): Promise<RunOutcome> {
  const errors: LlmbenchError[] = [];
  const told = (error: LlmbenchError) => {
    errors.push(error);
    tell(error);
  };
  await prepare.run({}, context);
  const left = await pairsLeft(context, design, context.plan.failOn);
  if (left.length > 0) {
    say(context, workWords(context.plan, design, left.length));
    const measure = async (pairs: readonly number[], onWarm?: Block["onWarm"]) => {
      const failure = await runPairs(context, design, pairs, { added, tell, ...(onWarm && { onWarm }) });
      if (failure !== undefined) errors.push(failure);
    };
    try {
      if (design.servers === "shared") await deployShared(context, design);
      await measure(left, (server) => estimate(context, design, server, left.length * 2));
      // An invalid block's numbers are left out, and its pair's with them: once more, now that the others are there.
      const invalid = isStopped(context, errors) ? [] : await pairsLeft(context, design, "invalid");
      if (invalid.length > 0) {
        say(context, `once more, for a block that is invalid: pair ${invalid.join(", ")}`);
        await measure(invalid);
      }
    } catch (error) {
      told(context.signal.aborted ? interruptedError(context.run) : asLlmbenchError(error));
    } finally {
      if (design.servers !== "one") await takeBothDown(context, design, told);
    }
  }
  if (!isStopped(context, errors)) {
    const failing = await failingBlocks(context, design);
    if (failing.length > 0) told(verdictError(failing, design));
  }
  await endStatuses(context, design, errors);
  return await finishRun(context, errors, told);
}

interface Around {
  readonly added: readonly PlacedStep[];
  readonly tell: (error: LlmbenchError) => void;
  /** Called once the first server is warm. */
  readonly onWarm?: Block["onWarm"];
}

/** Resolves with what ended it early. Verdicts do not; they are told, and judged when all is measured. */
async function runPairs(
  context: StepContext,
  design: AbDesign,
  pairs: readonly number[],
  { added, tell, onWarm }: Around,
): Promise<LlmbenchError | undefined> {
  const blocks = pairs.length * 2;
  let done = 0;
  let seconds = 0;
  for (const pair of pairs) {
    const order = design.orders[pair - 1] ?? "AB";
    await clearPair(context, design, pair);
    say(context, `pair ${pair} of ${design.orders.length}: ${order === "AB" ? "A, then B" : "B, then A"}`);
    for (const cell of order === "AB" ? [design.a, design.b] : [design.b, design.a]) {
      if (context.signal.aborted) return undefined;
      const start = performance.now();
      const failure = await runCell(cell, context, added, {
        repetition: pair,
        more: true,
        keepServer: design.servers !== "one",
        ...(done === 0 && onWarm !== undefined ? { onWarm } : {}),
      });
      if (failure !== undefined) tell(failure);
      if (failure !== undefined && failure.exitStatus !== ExitStatus.verdict) return failure;
      seconds += (performance.now() - start) / 1000;
      done += 1;
    }
    if (done < blocks)
      say(context, `about ${formatSeconds((seconds / done) * (blocks - done))} more, by the blocks so far`);
  }
  return undefined;
}

/** Blocks whose verdict is as bad as the plan's `failOn`, in words. */
async function failingBlocks({ run, plan, session }: StepContext, { a, b, orders }: AbDesign) {
  const failing: string[] = [];
  for (const id of [a, b]) {
    for (const point of session(id).cell.points) {
      for (const [index] of orders.entries()) {
        const stored = await run.readSummary(id, point.id, index + 1);
        if (stored.found && fails(stored.value.verdict.status, plan.failOn))
          failing.push(`${id} ${point.id}, pair ${index + 1}: ${stored.value.verdict.status}`);
      }
    }
  }
  return failing;
}

function verdictError(failing: readonly string[], { orders }: AbDesign): LlmbenchError {
  return new LlmbenchError(
    "VERDICT_FAILED",
    `${failing.length} measurements in ${orders.length} pairs of blocks are not good enough`,
    {
      exitStatus: ExitStatus.verdict,
      hint: "the reasons say what to change; failOn in the config (or --fail-on) decides which verdicts count",
      details: failing,
    },
  );
}

/** Before anything is measured: how long all of it takes, by what the first server's warm-up took. */
async function estimate(context: StepContext, design: AbDesign, server: ServerRef, blocks: number) {
  const { run, plan } = context;
  const cell = plan.cells.find(({ id }) => id === server.cell);
  const warmup = await run.readWarmup(server.cell, server.deployment);
  const stored = await run.readServer(server.cell, server.deployment);
  if (cell === undefined || !warmup.found) return;
  const startSeconds = stored.found ? (stored.value.startup.firstCompletionMs ?? 0) / 1000 : 0;
  const each = blockSeconds(cell.points, warmup.value, design.servers === "one" ? startSeconds : 0);
  say(context, durationWords(each, blocks));
}

/** Pairs that are not whole, or whose verdicts are as bad as `failOn` and can be cured, by number. */
async function pairsLeft(context: StepContext, design: AbDesign, failOn: FailOn): Promise<number[]> {
  const left: number[] = [];
  for (const [index] of design.orders.entries())
    if (!(await isPairWhole(context, design, index + 1, failOn))) left.push(index + 1);
  return left;
}

async function isPairWhole(
  { run, session }: StepContext,
  { a, b }: AbDesign,
  pair: number,
  failOn: FailOn,
): Promise<boolean> {
  for (const id of [a, b]) {
    const { specHash } = (await session(id).resolve()).spec;
    for (const point of session(id).cell.points) {
      if ((await run.finishedMeasurement(id, point, pair, { specHash, failOn })) === undefined) return false;
    }
  }
  return true;
}

/** Puts aside what an earlier try measured of a pair. */
async function clearPair({ run, session }: StepContext, { a, b }: AbDesign, pair: number): Promise<void> {
  const isThere = async (cell: string, point: PointPlan) =>
    (await run.listRepetitions(cell, point.id)).includes(pair);
  for (const id of [a, b])
    for (const point of session(id).cell.points)
      if (await isThere(id, point)) await run.beginMeasurement(id, point.id, pair);
}

/** The one server is A's: it is up, and written down as A's, before B asks for it. */
async function deployShared(context: StepContext, { a }: AbDesign): Promise<void> {
  context.progress({ kind: "step", cell: a, step: "deploy" });
  await writeStatus(context.run, { cell: a, status: "running", step: "deploy" });
  const { server } = await deploy.run({ cell: a }, context);
  context.progress({ kind: "step", cell: a, step: "wait-healthy" });
  await waitHealthy.run({ server }, context);
}

async function takeBothDown(
  context: StepContext,
  { a, b }: AbDesign,
  told: (error: LlmbenchError) => void,
): Promise<void> {
  for (const cell of [a, b]) {
    await teardown
      .run({ cell, status: "Succeeded" }, context)
      .catch((error: unknown) => told(asLlmbenchError(error)));
  }
}

/** A cell's status between blocks is running: in the end it is done, or was stopped with the other one. */
async function endStatuses(
  context: StepContext,
  { a, b }: AbDesign,
  errors: readonly LlmbenchError[],
): Promise<void> {
  const { run } = context;
  const stopped = isStopped(context, errors);
  for (const cell of [a, b]) {
    const stored = await run.readStatus(cell);
    const { status, error } = stored.found ? stored.value : {};
    if (stopped ? status === "failed" || status === "interrupted" : status === "done") continue;
    await writeStatus(run, {
      cell,
      status: stopped ? "interrupted" : "done",
      ...(error === undefined || status !== "running" ? {} : { error }),
    });
  }
}

/** Whether it goes no further: a person stopped it, or a block failed. A verdict stops nothing. */
function isStopped({ signal }: StepContext, errors: readonly LlmbenchError[]): boolean {
  return signal.aborted || errors.some(({ exitStatus }) => exitStatus !== ExitStatus.verdict);
}

function say({ progress, mask }: StepContext, text: string): void {
  progress({ kind: "notice", text: mask(text) });
}
