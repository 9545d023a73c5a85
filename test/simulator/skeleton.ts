import { httpChunks } from "./raw-client.ts";

/** The one header that every answer of a simulator has, and no capture. */
export const SIMULATED_LINE = "x-llmbench-simulated: 1";

/** What of an answer must be equal between a capture and the simulator. Numbers and made-up values are left out. */
export interface Skeleton {
  readonly status: string;
  /** Header names as written, in their order. */
  readonly headers: readonly string[];
  /** Values of the headers that matter to a client. */
  readonly values: readonly string[];
  readonly body: unknown;
  /** Letters of the HTTP chunks' sizes. */
  readonly sizes?: "upper case" | "lower case" | "none";
  /** Events in each HTTP chunk. */
  readonly chunking?: readonly number[];
}

export interface SkeletonOptions {
  /** Texts are compared, not only that there is one. */
  readonly texts: boolean;
  /** Several choices come in any order: each choice's own events, and how they are chunked is left open. */
  readonly perChoice: boolean;
}

const comparedHeaders = new Set([
  "content-type",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "server",
  "vary",
  "allow",
  "cache-control",
  "x-accel-buffering",
  "access-control-allow-origin",
]);

/** Values that mean something; every other text is only "text". */
const literalKeys = new Set([
  "object",
  "role",
  "finish_reason",
  "type",
  "error_type",
  "matched_stop",
  "stop_reason",
  "owned_by",
]);
const textKeys = new Set(["content", "text", "token", "reasoning_content"]);

export function skeletonOf(response: Buffer, options: SkeletonOptions): Skeleton {
  const headEnd = response.indexOf("\r\n\r\n");
  const [status = "", ...written] = response.toString("latin1", 0, headEnd).split("\r\n");
  const lines = written.filter((line) => line !== SIMULATED_LINE);
  const names = lines.map((line) => line.slice(0, line.indexOf(":")));
  const values = lines.filter((line) => comparedHeaders.has(line.slice(0, line.indexOf(":")).toLowerCase()));
  const common = { status, headers: names, values };
  const type = lines.find((line) => /^content-type:/i.test(line)) ?? "";
  if (type.includes("event-stream")) {
    const { chunks } = httpChunks(response, headEnd + 4);
    const events = chunks.map((chunk) => chunk.toString("utf8").split("\n\n").slice(0, -1));
    const shapes = events.flat().map((event) => eventShape(event, options));
    const body = options.perChoice ? byChoice(shapes) : shapes;
    const streamed = { ...common, body, sizes: sizeLetters(response.toString("latin1", headEnd)) };
    return options.perChoice ? streamed : { ...streamed, chunking: events.map(({ length }) => length) };
  }
  const text = response.toString("utf8", headEnd + 4);
  return {
    ...common,
    body: type.includes("json") ? shapeOf(JSON.parse(text) as unknown, "", options) : numberless(text),
  };
}

function sizeLetters(text: string): NonNullable<Skeleton["sizes"]> {
  const sizes = [...text.matchAll(/\r\n([0-9A-Fa-f]+)\r\n/g)].map(([, size]) => size).join("");
  if (/[A-F]/.test(sizes)) return "upper case";
  return /[a-f]/.test(sizes) ? "lower case" : "none";
}

function eventShape(event: string, options: SkeletonOptions): unknown {
  if (!event.startsWith("data: ") || event === "data: [DONE]") return event;
  return shapeOf(JSON.parse(event.slice("data: ".length)) as unknown, "", options);
}

/** Keys in their order, types of values, and the values that mean something. */
function shapeOf(value: unknown, key: string, options: SkeletonOptions): unknown {
  if (value === null) return "null";
  if (typeof value === "number") return key === "completion_tokens" && options.texts ? value : "number";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "string") {
    if (literalKeys.has(key) || (options.texts && textKeys.has(key))) return `=${value}`;
    return key === "message" || key === "detail" ? numberless(value) : "text";
  }
  if (Array.isArray(value)) {
    const shapes = value.map((entry) => shapeOf(entry, key, options));
    return key === "bytes" ? "bytes" : shapes;
  }
  return Object.entries(value as object).map(([name, entry]) => [name, shapeOf(entry, name, options)]);
}

function byChoice(shapes: readonly unknown[]): unknown {
  const groups = new Map<string, unknown[]>();
  for (const shape of shapes) {
    const text = JSON.stringify(shape);
    const index = /"index","number"/.test(text) ? "a choice's" : "common";
    groups.set(index, [...(groups.get(index) ?? []), shape]);
  }
  // Choices are alike: their events as a multiset.
  return Object.fromEntries(
    [...groups].map(([name, list]) => [name, list.map((shape) => JSON.stringify(shape)).sort()]),
  );
}

/** Messages that quote counts, columns or paths. */
function numberless(text: string): string {
  return text.replace(/File \\?"[^"]*?([^/"]*)\\?"/g, 'File "$1"').replace(/-?\d+(\.\d+)?/g, "#");
}
