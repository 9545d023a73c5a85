import { LlmbenchError } from "../error.ts";
import type { WarmupRecord } from "../results/schema/warmup.ts";
import type { CellSession } from "./cell-session.ts";
import { throwIfGone } from "./check-server.ts";
import type { StepContext } from "./context.ts";
import { interruptedError } from "./interrupted.ts";
import { promptsOf } from "./request-plan.ts";
import type { ServerRef } from "./server-ref.ts";

/** Output tokens of a warm-up request where the cell sweeps by itself and no point says. */
const defaultOutputTokens = 32;

/**
 * Ensures that the server answers and is warm: sends the warm-up requests one after the other unless this very
 * instance had them. Throws WARMUP_FAILED with the server's own words.
 */
export async function warmUp(
  context: StepContext,
  session: CellSession,
  known: ServerRef,
): Promise<{ server: ServerRef; warmup: WarmupRecord }> {
  const { cell } = session;
  const { server } = await session.ready(known);
  const stored = await context.run.readWarmup(cell.id, server.deployment);
  if (stored.found && stored.value.instance === server.instance) return { server, warmup: stored.value };

  const warmup: WarmupRecord = {
    schemaVersion: 1,
    simulated: (await session.resolve()).simulated,
    instance: server.instance,
    requests: cell.warmupRequests,
    e2eMs: [],
    ttftMs: [],
    promptTokens: [],
    outputTokens: [],
  };
  const prompts = await promptsOf(cell, context.plan.seed);
  const outputTokens =
    cell.points[0]?.load.outputTokens ??
    cell.autoSweep?.outputTokens[0] ??
    cell.capacitySearches?.[0]?.load.outputTokens ??
    defaultOutputTokens;
  for (let i = 0; i < cell.warmupRequests; i += 1) {
    context.progress({ kind: "note", cell: cell.id, text: `request ${i + 1} of ${cell.warmupRequests}` });
    const record = await session.ask(server.url, prompts(i), outputTokens, {
      signal: context.signal,
    });
    if (context.signal.aborted) throw interruptedError(context.run);
    if (record.error !== undefined) {
      await throwIfGone(context, session, { server, failure: record.error, doing: "it was warmed up" });
      throw new LlmbenchError(
        "WARMUP_FAILED",
        `${cell.id}: warm-up request ${i + 1} failed: ${record.error.message}`,
        {
          hint: "the server is up but cannot do what the config asks: check the prompt's and output's length, the model's name and the fields in body",
          details: (await (await session.backend()).logs(session.serverKey, 10)).map((line) => `| ${line}`),
        },
      );
    }
    const { sentUs, firstTextUs, lastTextUs, tokens } = record;
    if (sentUs !== undefined && firstTextUs !== undefined && lastTextUs !== undefined) {
      warmup.ttftMs.push((firstTextUs - sentUs) / 1000);
      warmup.e2eMs.push((lastTextUs - sentUs) / 1000);
    }
    if (tokens.prompt !== undefined) warmup.promptTokens.push(tokens.prompt);
    if (tokens.output !== undefined) warmup.outputTokens.push(tokens.output);
  }
  warmup.inputLengths = await learnLengths(context, session, server);
  await context.run.writeWarmup(cell.id, server.deployment, warmup);
  return { server, warmup };
}

async function learnLengths(context: StepContext, session: CellSession, server: ServerRef) {
  const { points, autoSweep, capacitySearches = [] } = session.cell;
  const targets = new Set([
    ...[...points, ...capacitySearches].flatMap(({ load }) =>
      load.inputTokens === undefined ? [] : [load.inputTokens],
    ),
    ...(autoSweep?.inputTokens ?? []),
  ]);
  const learned: NonNullable<WarmupRecord["inputLengths"]> = {};
  for (const target of targets) {
    context.progress({ kind: "note", cell: session.cell.id, text: `learning prompts of ${target} tokens` });
    const { tokens, probes } = await session.lengths.get(server.url, target, context.plan.seed);
    learned[String(target)] = { tokens, probes };
  }
  return learned;
}
