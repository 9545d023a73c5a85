import type { CellPlan, PointPlan } from "../config/plan.ts";
import { buildRequest } from "../engines/request.ts";
import type { RequestDialect } from "../engines/spec.ts";
import { datasetPrompts, loadDataset } from "../load/dataset.ts";
import type { RequestSource } from "../load/measurement.ts";
import { fixedPrompt, type Prompt, type PromptSource, requestSource } from "../load/request-source.ts";
import type { TransportRequest } from "../load/transport.ts";

/** How requests of a cell are asked: the plan's words put into the server's dialect. */
export interface Asking {
  readonly cell: CellPlan;
  readonly servedName: string;
  readonly dialect: RequestDialect;
  /** Sent with each request (authorization, and what the user adds). */
  readonly headers: Readonly<Record<string, string>>;
  /** Path of the base URL, before /v1; empty for most. */
  readonly pathPrefix: string;
}

/** Requests of one measurement. */
export function requestsOf(asking: Asking, point: PointPlan, prompts: PromptSource): RequestSource {
  return requestSource({
    path: pathOf(asking),
    headers: headersOf(asking),
    prompts,
    body: (prompt) => bodyOf(asking, prompt, point.load.outputTokens),
  });
}

/** One request outside a measurement: warm-up, "one real completion", length probes. */
export function singleRequest(asking: Asking, prompt: Prompt, outputTokens: number): TransportRequest {
  return {
    method: "POST",
    path: pathOf(asking),
    headers: headersOf(asking),
    body: Buffer.from(JSON.stringify(bodyOf(asking, prompt, outputTokens))),
  };
}

export async function promptsOf(cell: CellPlan, seed: number): Promise<PromptSource> {
  const { prompt } = cell.request;
  if (prompt.kind === "text") return fixedPrompt(prompt.text);
  return datasetPrompts(await loadDataset(prompt.path), seed);
}

function bodyOf(asking: Asking, prompt: Prompt, outputTokens: number): Record<string, unknown> {
  const { request } = asking.cell;
  return buildRequest(asking.dialect, {
    api: request.api,
    servedName: asking.servedName,
    prompt: prompt.kind === "text" ? prompt.text : prompt.messages,
    maxTokens: outputTokens,
    temperature: request.temperature,
    forceOutputLength: request.forceOutputLength,
    stream: true,
    extraBody: request.extraBody,
  }).body;
}

function pathOf(asking: Asking): string {
  const path = asking.cell.request.api === "chat" ? "/v1/chat/completions" : "/v1/completions";
  return `${asking.pathPrefix}${path}`;
}

function headersOf(asking: Asking): Record<string, string> {
  return {
    accept: "text/event-stream",
    "accept-encoding": "identity",
    "content-type": "application/json",
    ...asking.headers,
  };
}
