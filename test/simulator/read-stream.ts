import { httpChunks } from "./raw-client.ts";

/** What a stream said, read by the book (WHATWG server-sent events), as an oracle independent of the load generator. */
export interface ReadStream {
  readonly status: number;
  readonly head: string;
  /** Data of each event. */
  readonly data: readonly string[];
  /** Texts of the events that carry some, of whatever kind, in order. */
  readonly texts: readonly string[];
  readonly content: string;
  readonly reasoning: string;
  readonly toolName: string;
  readonly toolArguments: string;
  readonly finish: readonly string[];
  readonly usage: readonly Record<string, number>[];
  readonly errors: readonly unknown[];
  readonly done: boolean;
  /** The last HTTP chunk came. */
  readonly whole: boolean;
}

interface Delta {
  content?: string | null;
  reasoning?: string;
  reasoning_content?: string | null;
  tool_calls?: { function: { name?: string; arguments?: string } }[] | null;
}
interface StreamEvent {
  choices?: { delta?: Delta; text?: string; finish_reason?: string | null }[];
  usage?: Record<string, number> | null;
  error?: unknown;
}

export function readStream(answer: Buffer): ReadStream {
  const headEnd = answer.indexOf("\r\n\r\n");
  const head = answer.toString("latin1", 0, headEnd);
  const { chunks, end } = httpChunks(answer, headEnd + 4);
  const data = eventData(Buffer.concat(chunks).toString("utf8"));
  const parts = { content: "", reasoning: "", toolName: "", toolArguments: "" };
  const texts: string[] = [];
  const finish: string[] = [];
  const usage: Record<string, number>[] = [];
  const errors: unknown[] = [];
  for (const json of data) {
    if (json === "[DONE]" || json === "null") continue;
    const event = JSON.parse(json) as StreamEvent;
    if (event.error !== undefined) errors.push(event.error);
    if (event.usage) usage.push(event.usage);
    for (const { delta, text, finish_reason } of event.choices ?? []) {
      if (finish_reason) finish.push(finish_reason);
      const [call] = delta?.tool_calls ?? [];
      const own = {
        content: delta?.content ?? text ?? "",
        reasoning: delta?.reasoning ?? delta?.reasoning_content ?? "",
        toolName: call?.function.name ?? "",
        toolArguments: call?.function.arguments ?? "",
      };
      for (const [key, value] of Object.entries(own) as [keyof typeof parts, string][]) {
        parts[key] += value;
        if (value !== "") texts.push(value);
      }
    }
  }
  const status = Number(head.split(" ")[1]);
  const done = data.includes("[DONE]");
  return { status, head, data, texts, ...parts, finish, usage, errors, done, whole: end !== undefined };
}

/** Data of the events that are complete: lines end with LF, CR or CRLF, an empty line ends an event. */
function eventData(text: string): string[] {
  const events: string[] = [];
  let data: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/).slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"));
      data = [];
    } else if (line.startsWith("data:")) data.push(line.slice("data:".length).replace(/^ /, ""));
  }
  return events;
}
