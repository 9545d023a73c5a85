import { z } from "zod";
import type { Plan, StepPlan } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import type { RequestRecord } from "../load/record.ts";
import type { Answer, PlainValue, PluginStep, StepCell } from "../plugins/define-step.ts";
import type { Plugin } from "../plugins/load-plugins.ts";
import type { RunFolder } from "../results/run-folder.ts";
import { beginStep, finishedStep, finishStep } from "../results/step-folder.ts";
import type { CellSession } from "./cell-session.ts";
import type { StepContext } from "./context.ts";
import { interruptedError } from "./interrupted.ts";
import { ServerRef } from "./server-ref.ts";
import { defineStep, type Step } from "./step.ts";
import { warmUp } from "./warm-up.ts";

/** The steps that a plan has of its plugins, in its order, each with the step of a cell that it comes after. */
export function pluginSteps(plan: Plan, plugins: readonly Plugin[]): PlacedStep[] {
  return (plan.steps ?? []).map((planned, index) => {
    const plugin = plugins.find(({ steps }) => steps.some(({ name }) => name === planned.name));
    const step = plugin?.steps.find(({ name }) => name === planned.name);
    const about = plan.plugins?.find(({ sha256 }) => sha256 === plugin?.sha256);
    if (step === undefined || about === undefined)
      throw new RangeError(`no plugin has step ${index + 1}, ${planned.name}`);
    return {
      after: planned.after,
      step: toStep(step, planned, about),
      isDone: async (run, cell, specHash) =>
        (await finishedStep(run, cell, planned.name, { specHash, plugin: about, input: planned.input })) !==
        undefined,
    };
  });
}

export interface PlacedStep {
  readonly after: StepPlan["after"];
  readonly step: Step<{ server: ServerRef }, { server: ServerRef }>;
  /** Whether it need not run again for a cell whose server has this hash. */
  readonly isDone: (run: RunFolder, cell: string, specHash: string) => Promise<boolean>;
}

/** A plugin's step as every other is: its server ensured, its outputs kept, done once. */
function toStep(
  step: PluginStep,
  planned: StepPlan,
  plugin: { readonly file: string; readonly sha256: string },
): PlacedStep["step"] {
  const contract = {
    name: step.name,
    input: z.strictObject({ server: ServerRef }),
    output: z.looseObject({ server: ServerRef }),
  };
  return defineStep(contract, async ({ server: known }, context) => {
    const { run } = context;
    const session = context.session(known.cell);
    const cell = session.cell.id;
    const { server } =
      planned.after === "wait-healthy" ? await session.ready(known) : await warmUp(context, session, known);
    const asked = { specHash: await session.specHash(server), plugin, input: planned.input };
    const kept = await finishedStep(run, cell, step.name, asked);
    if (kept !== undefined) return { server, ...kept.outputs };
    const folder = await beginStep(run, cell, step.name);
    const about = await aboutCell(context, session, server, folder);
    const found = await step.run(planned.input, about).catch((error: unknown): never => {
      if (context.signal.aborted) throw interruptedError(run);
      throw stepError(step.name, plugin.file, error);
    });
    const outputs = Object.fromEntries(
      Object.entries(found).map(([name, value]) => [name, masked(value, context.mask)]),
    );
    await finishStep(run, {
      schemaVersion: 1,
      simulated: about.simulated,
      step: step.name,
      cell,
      deployment: server.deployment,
      instance: server.instance,
      ...asked,
      outputs,
      finishedAt: new Date().toISOString(),
    });
    return { server, ...outputs };
  });
}

const masked = (value: PlainValue, mask: (text: string) => string): PlainValue =>
  typeof value === "string" ? mask(value) : value;

async function aboutCell(
  context: StepContext,
  session: CellSession,
  server: ServerRef,
  folder: string,
): Promise<StepCell> {
  const { cell } = session;
  const { model, simulated, engineVersion } = await session.resolve();
  return {
    id: cell.id,
    variant: cell.variant,
    engine: cell.engine,
    engineVersion,
    model: { id: model.id, servedName: model.servedName },
    simulated,
    server: { url: server.url, instance: server.instance },
    folder,
    signal: context.signal,
    ask: async (prompt, { maxTokens }) => {
      const record = await session.ask(server.url, { kind: "text", text: prompt }, maxTokens, {
        signal: context.signal,
        freely: true,
      });
      return toAnswer(record, cell.id);
    },
    note: (text) => context.progress({ kind: "note", cell: cell.id, text: context.mask(text) }),
  };
}

function toAnswer({ error, text, finish, tokens, ...times }: RequestRecord, cell: string): Answer {
  // A model may have nothing to say.
  if (error !== undefined && error.kind !== "empty") {
    throw new LlmbenchError("STEP_REQUEST_FAILED", `${cell}: a request failed: ${error.message}`, {
      hint: "the server is up: see the last lines of its log, and what the step asked",
    });
  }
  const { sentUs, firstTextUs, lastTextUs } = times;
  const sinceSent = (us: number | undefined) =>
    us === undefined || sentUs === undefined ? undefined : (us - sentUs) / 1000;
  const ttftMs = sinceSent(firstTextUs);
  const e2eMs = sinceSent(lastTextUs);
  return {
    text: text?.answer ?? "",
    ...(text?.reasoning === undefined ? {} : { reasoning: text.reasoning }),
    ...(finish === undefined ? {} : { finish }),
    ...(ttftMs === undefined ? {} : { ttftMs }),
    ...(e2eMs === undefined ? {} : { e2eMs }),
    tokens: {
      ...(tokens.prompt === undefined ? {} : { prompt: tokens.prompt }),
      ...(tokens.output === undefined ? {} : { output: tokens.output }),
    },
  };
}

function stepError(step: string, file: string, error: unknown): LlmbenchError {
  if (error instanceof LlmbenchError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new LlmbenchError("STEP_FAILED", `step ${step}: ${reason}`, {
    hint: `it is a step of the plugin ${file}, not of llmbench; --verbose prints where it failed`,
    cause: error,
  });
}
