import type { CellPlan, EngineKind, ServerPlan } from "../../src/config/plan.ts";
import { resolveSecretEnv } from "../../src/config/secrets.ts";
import { resolveServer } from "../../src/engines/launch.ts";
import { buildRequest } from "../../src/engines/request.ts";
import type { ResolvedServer } from "../../src/engines/resolved-server.ts";
import { describeHardware } from "../../src/servers/hardware.ts";
import type { RunningServer } from "../../src/servers/server.ts";

export type ProcessPlan = Extract<ServerPlan, { kind: "process" }>;

/** A cell of a packaged model on a real engine, as a config without further words would have it. */
export async function resolveReal(
  engine: EngineKind,
  name: string,
  more: {
    server?: Partial<ProcessPlan>;
    /** Requests that its load has in flight. */
    concurrency?: number;
    env?: NodeJS.ProcessEnv;
    report?: (line: string) => void;
  } = {},
): Promise<ResolvedServer> {
  const server: ProcessPlan = {
    kind: "process",
    settings: { contextLength: 1024, maxConcurrentRequests: 2 },
    args: [],
    env: {},
    secretEnv: [],
    startTimeoutSeconds: 300,
    stopTimeoutSeconds: 20,
    ...more.server,
  };
  const cell = {
    id: `${engine}--${name}`,
    variant: engine,
    engine,
    model: { id: name, package: name },
    server,
    points: [{ load: { concurrency: more.concurrency ?? 1 } }],
  };
  return await resolveServer({
    runId: "real",
    cell: cell as unknown as CellPlan,
    hardware: await describeHardware(),
    selfCommand: [],
    resolveSecrets: resolveSecretEnv,
    report: more.report ?? (() => {}),
    ...(more.env === undefined ? {} : { env: more.env }),
  });
}

export interface Completion {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string }[];
  readonly usage: { readonly completion_tokens: number };
}

/** Asks for 8 tokens as the product would, unstreamed. */
export async function completeReal(
  { dialect, model }: ResolvedServer,
  server: RunningServer,
  signal: AbortSignal,
): Promise<Completion> {
  const { path, body } = buildRequest(dialect, {
    api: "completions",
    servedName: model.servedName,
    prompt: "The capital of France is",
    maxTokens: 8,
    temperature: 0,
    forceOutputLength: true,
    stream: false,
    extraBody: {},
  });
  const answer = await fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Completion;
}
