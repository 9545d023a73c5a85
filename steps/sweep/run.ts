import type { CellPlan, PointPlan, SloPlan } from "../../src/config/plan.ts";
import { ExitStatus, LlmbenchError } from "../../src/error.ts";
import { createRandom } from "../../src/load/random.ts";
import { replaySearch } from "../../src/results/capacity/probe-points.ts";
import type { MeasurementSummary } from "../../src/results/schema/summary.ts";
import type { VerdictStatus } from "../../src/results/schema/verdict.ts";
import { fails } from "../../src/results/verdict.ts";
import type { CellSession } from "../../src/steps/cell-session.ts";
import type { StepContext } from "../../src/steps/context.ts";
import { estimateRequest, type RequestEstimate, TimeLeft } from "../../src/steps/estimate.ts";
import { headlineRate, headlineTtftMs } from "../../src/steps/headline.ts";
import { interruptedError } from "../../src/steps/interrupted.ts";
import { measurePoint } from "../../src/steps/measure-point.ts";
import type { ServerRef } from "../../src/steps/server-ref.ts";
import { defineStep } from "../../src/steps/step.ts";
import { warmUp } from "../../src/steps/warm-up.ts";
import { searchPoints } from "./auto-sweep.ts";
import { sweep } from "./contract.ts";

interface Task {
  readonly point: PointPlan;
  readonly repetition: number;
}

export default defineStep(sweep, async ({ server: known, repetition }, context) => {
  const session = context.session(known.cell);
  const { server, warmup } = await warmUp(context, session, known);
  const sweeping = new Sweeping(context, session, server, estimateRequest(warmup));
  try {
    await sweepAll(sweeping, repetition);
  } catch (error) {
    context.publish({ headline: failedHeadline(error, sweeping) });
    throw error;
  }
  const output = {
    server: sweeping.server,
    measured: sweeping.measured,
    kept: sweeping.summaries.length + sweeping.probes.length - sweeping.measured,
    ...headline(sweeping.summaries.length > 0 ? sweeping.summaries : sweeping.probes),
  };
  context.publish(output);
  failOnVerdicts(context, sweeping.summaries);
  return output;
});

async function sweepAll(sweeping: Sweeping, repetition: number | undefined): Promise<void> {
  const { cell, slos } = sweeping;
  const tasks = tasksOf(cell.points, cell.repetitions, cell.order);
  await sweeping.measureAll(
    repetition === undefined ? tasks : tasks.filter((task) => task.repetition === repetition),
  );
  if (cell.autoSweep !== undefined) {
    await searchPoints(cell.autoSweep, async (point) => {
      const summaries = await sweeping.measureAll(tasksOf([point], cell.repetitions));
      return summaries.at(-1) as MeasurementSummary;
    });
  }
  for (const search of cell.capacitySearches ?? []) {
    await replaySearch(search, slos, ({ point, repetition: of }) =>
      sweeping.probe({ point, repetition: of }),
    );
  }
}

/** All points once, then all of them again: a drift of the machine does not fall on one point alone. */
function tasksOf(points: readonly PointPlan[], repetitions: number, order: CellPlan["order"] = []): Task[] {
  const most = Math.max(...points.map((point) => point.repetitions ?? repetitions), 0);
  return Array.from({ length: most }, (_, index) => {
    const drawn = order[index];
    const place = (point: PointPlan) => drawn?.indexOf(point.id) ?? 0;
    return points
      .filter((point) => (point.repetitions ?? repetitions) > index)
      .sort((a, b) => place(a) - place(b))
      .map((point) => ({ point, repetition: index + 1 }));
  }).flat();
}

class Sweeping {
  readonly summaries: MeasurementSummary[] = [];
  /** Those of searches for the capacity. */
  readonly probes: MeasurementSummary[] = [];
  measured = 0;
  readonly #context: StepContext;
  readonly #session: CellSession;
  /** The one that was measured last. */
  server: ServerRef;
  readonly #estimate: RequestEstimate | undefined;
  readonly #timeLeft: TimeLeft;

  constructor(
    context: StepContext,
    session: CellSession,
    server: ServerRef,
    estimate: RequestEstimate | undefined,
  ) {
    this.#context = context;
    this.#session = session;
    this.server = server;
    this.#estimate = estimate;
    this.#timeLeft = new TimeLeft(estimate);
  }

  get cell(): CellPlan {
    return this.#session.cell;
  }

  get slos(): SloPlan {
    return this.#context.plan.slos ?? {};
  }

  /** A search overloads the server on purpose: what it measures decides by no verdict whether the run is good. */
  async probe(task: Task): Promise<MeasurementSummary> {
    const [summary] = await this.measureAll([task], "never");
    this.summaries.pop();
    this.probes.push(summary as MeasurementSummary);
    return summary as MeasurementSummary;
  }

  async measureAll(
    tasks: readonly Task[],
    failOn = this.#context.plan.failOn,
  ): Promise<MeasurementSummary[]> {
    const { run } = this.#context;
    const { cell } = this.#session;
    const specHash = await this.#session.specHash(this.server);
    const done: MeasurementSummary[] = [];
    for (const [index, { point, repetition }] of tasks.entries()) {
      const asked = { specHash, failOn };
      const kept = await run.finishedMeasurement(cell.id, point, repetition, asked);
      const summary = kept ?? (await this.#measure(tasks, index));
      if (kept === undefined) this.measured += 1;
      // What follows is measured on the server that is there now, warm.
      if (kept === undefined && summary.verdict.reasons.some(({ code }) => code === "instance-changed"))
        this.server = (await warmUp(this.#context, this.#session, this.server)).server;
      done.push(summary);
      this.summaries.push(summary);
      if (this.#context.signal.aborted) throw interruptedError(run);
    }
    return done;
  }

  async #measure(tasks: readonly Task[], index: number): Promise<MeasurementSummary> {
    const { point, repetition } = tasks[index] as Task;
    const { progress, plan, signal } = this.#context;
    const cell = this.#session.cell.id;
    if (signal.aborted) throw interruptedError(this.#context.run);
    const planned = point.load.requests ?? 0;
    progress({
      kind: "point",
      cell,
      point: point.id,
      repetition,
      index: index + 1,
      of: tasks.length,
      planned,
    });
    const loads = tasks.slice(index).map((task) => task.point.load);
    const start = performance.now();
    const summary = await measurePoint(this.#context, {
      session: this.#session,
      server: this.server,
      point,
      repetition,
      seed: seedOf(plan.seed, point, repetition),
      estimate: this.#estimate,
      onProgress: (seen) => {
        const seconds = (performance.now() - start) / 1000;
        progress({
          kind: "load",
          cell,
          done: seen.done,
          failed: seen.failed,
          planned: seen.planned ?? 0,
          inFlight: seen.inFlight,
          outputTokensPerSecond: seen.outputTokens / seconds,
          secondsLeft: this.#timeLeft.seconds(loads, shareDone(point, seen.done, seconds)),
        });
      },
    });
    if (signal.aborted) {
      progress({ kind: "note", cell, text: `${point.id} #${repetition}: interrupted` });
      return summary;
    }
    const rate = headlineRate(summary.metrics);
    this.#timeLeft.saw(point.load, rate ?? 0);
    progress({
      kind: "measured",
      cell,
      point: point.id,
      repetition,
      verdict: summary.verdict.status,
      outputTokensPerSecond: rate,
      ttftMs: headlineTtftMs(summary.metrics),
      failed: summary.requests.failed + summary.requests.timedOut,
    });
    return summary;
  }
}

function shareDone(point: PointPlan, done: number, seconds: number): number {
  const { requests, durationSeconds } = point.load;
  if (durationSeconds !== undefined) return Math.min(1, seconds / durationSeconds);
  return requests === undefined ? 0 : done / requests;
}

/** A seed of its own for each measurement, the same in every cell: cells meet the same arrivals and prompts. */
function seedOf(seed: number, point: PointPlan, repetition: number): number {
  return createRandom(seed, `${point.id}/${repetition}`).below(2 ** 31);
}

function failOnVerdicts(context: StepContext, summaries: readonly MeasurementSummary[]): void {
  const failing = summaries.filter((summary) => fails(summary.verdict.status, context.plan.failOn));
  if (failing.length === 0) return;
  throw new LlmbenchError(
    "VERDICT_FAILED",
    `${failing.length} of ${summaries.length} measurements are not good enough`,
    {
      exitStatus: ExitStatus.verdict,
      hint: "the reasons say what to change; failOn in the config (or --fail-on) decides which verdicts count",
      details: failing.map(
        ({ point, repetition, verdict }) =>
          `${point} #${repetition} ${verdict.status}: ${verdict.reasons.map((reason) => reason.text).join(" ")}`,
      ),
    },
  );
}

function headline(summaries: readonly MeasurementSummary[]) {
  const order: readonly VerdictStatus[] = ["valid", "suspect", "invalid"];
  const worst = Math.max(0, ...summaries.map((summary) => order.indexOf(summary.verdict.status)));
  const best = summaries.reduce<MeasurementSummary | undefined>(
    (top, summary) => (top === undefined || rateOf(summary) > rateOf(top) ? summary : top),
    undefined,
  );
  const outputTokensPerSecond = best === undefined ? null : headlineRate(best.metrics);
  const ttftMs = best === undefined ? null : headlineTtftMs(best.metrics);
  const verdict = order[worst] ?? "valid";
  const words = [
    ...(outputTokensPerSecond === null ? [] : [`${outputTokensPerSecond.toFixed(1)} tok/s`]),
    ...(ttftMs === null ? [] : [`TTFT ${Math.round(ttftMs)} ms`]),
    best?.verdict.status ?? verdict,
  ].join(", ");
  // The figures and their own verdict; then what is worse elsewhere.
  const worse = summaries.filter(({ verdict: { status } }) => status === verdict).length;
  const others =
    best === undefined || best.verdict.status === verdict
      ? ""
      : `; ${worse} of ${summaries.length} ${verdict}`;
  return { outputTokensPerSecond, ttftMs, verdict, headline: `${words}${others}` };
}

/** Of a cell that broke off: what stopped it, and how much is there all the same. */
function failedHeadline(error: unknown, { summaries, probes }: Sweeping): string {
  const whole = [...summaries, ...probes].filter(({ verdict }) =>
    verdict.reasons.every(({ code }) => code !== "interrupted"),
  ).length;
  const there = whole === 0 ? "nothing" : `${whole} ${whole === 1 ? "measurement" : "measurements"}`;
  return `${error instanceof LlmbenchError ? error.code : "failed"}; ${there} finished`;
}

function rateOf({ metrics }: MeasurementSummary): number {
  return headlineRate(metrics) ?? 0;
}
