import type { RandomAnswer, RandomChunk, RandomFailure, RandomStyle } from "./random-answer.ts";

/** What one event says, as its writer knows it. */
export interface Meaning {
  readonly kind: "chunk" | "done" | "error" | "garbage" | "nothing";
  /** Choices in the event. */
  readonly choices: readonly number[];
  readonly finish?: string;
  readonly answer: string;
  readonly reasoning: string;
  readonly tool?: {
    readonly choice: number;
    readonly call: number;
    readonly name: string;
    readonly arguments: string;
  };
  readonly role: boolean;
  readonly usage?: { readonly prompt: number; readonly output: number; readonly cached?: number };
  readonly ids?: number;
  readonly logprobs?: number;
  readonly timings?: readonly [number, number, number, number, number];
  readonly message?: string;
}

/** One event as bytes. `data` is where its data stands; it is complete with the byte at `completeAt`. */
export interface WrittenEvent {
  readonly meaning: Meaning;
  readonly bytes: Buffer;
  readonly dataFrom: number;
  readonly dataTo: number;
  readonly completeAt: number;
  readonly newline: string;
  readonly isFailure: boolean;
}

const blank: Meaning = { kind: "nothing", choices: [], answer: "", reasoning: "", role: false };
const timings = [12.5, 34, 321.25, 7] as const;

/** All events of the answer, in order, before anything is cut off. */
export function writeAnswer(answer: RandomAnswer): WrittenEvent[] {
  const events: WrittenEvent[] = [];
  let number = 0;
  const write = (json: object | string, meaning: Meaning, type = "", isFailure = false) => {
    const style = answer.styles[number++ % answer.styles.length] as RandomStyle;
    if (style.before === "null") events.push(writeEvent("null", blank, "", style, "", false));
    events.push(
      writeEvent(json, meaning, type, style, events.length === 0 && answer.bom ? "\ufeff" : "", isFailure),
    );
  };
  const failAt = answer.failure && Math.round(answer.failure.share * answer.chunks.length);
  const chunks = answer.chunks.map((chunk) => adapted(chunk, answer));
  const seen = [...new Set(chunks.map((chunk) => chunk.choice))];
  const outputs = new Map<number, number>();
  const counts = new Map<number, number>();

  const envelope = (choices: object[], more: object) => ({
    id: "cmpl-1",
    object: "chunk",
    created: 1795503871,
    model: "m",
    choices,
    ...more,
  });
  const usageOf = (choice: number | undefined) => {
    const output = choice === undefined ? total(outputs) : (outputs.get(choice) ?? 0);
    const cached = answer.cachedTokens;
    return {
      json: {
        usage: {
          prompt_tokens: answer.promptTokens,
          completion_tokens: output,
          total_tokens: answer.promptTokens + output,
          ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
        },
      },
      meaning: { usage: { prompt: answer.promptTokens, output, ...(cached !== undefined && { cached }) } },
    };
  };
  const timed = {
    json: {
      timings: {
        prompt_ms: timings[0],
        prompt_n: timings[1],
        predicted_ms: timings[2],
        predicted_n: timings[3],
        cache_n: 5,
      },
    },
    meaning: { timings: [...timings, 5] as const },
  };
  const none = { json: {}, meaning: {} };

  if (answer.api === "chat" && answer.role !== "none") {
    for (const choice of seen) {
      const content = answer.role === "absent" ? {} : { content: answer.role === "null" ? null : "" };
      const usage = answer.usage === "continuous" ? usageOf(choice) : none;
      write(
        envelope(
          [{ index: choice, delta: { role: "assistant", ...content }, finish_reason: null }],
          usage.json,
        ),
        { ...blank, kind: "chunk", choices: [choice], role: true, ...usage.meaning },
      );
    }
  }
  for (const [index, chunk] of chunks.entries()) {
    if (answer.failure && failAt === index) writeFailure(answer.failure, write);
    const last = index === chunks.findLastIndex((other) => other.choice === chunk.choice);
    const finishes = last && answer.finish === "with-last-chunk";
    outputs.set(
      chunk.choice,
      (outputs.get(chunk.choice) ?? 0) + chunk.tokens + (last ? endTokens(answer) : 0),
    );
    counts.set(chunk.choice, (counts.get(chunk.choice) ?? 0) + chunk.tokens);
    const counted = countsOf(answer, chunk, counts.get(chunk.choice) ?? 0);
    const usage =
      answer.usage === "continuous" || (finishes && answer.usage === "with-finish")
        ? usageOf(chunk.choice)
        : none;
    const timingsHere = answer.timings && finishes && usesFinishForTimings(answer) ? timed : none;
    const said = contentOf(answer, chunk);
    write(
      envelope(
        [
          {
            index: chunk.choice,
            ...said.json,
            ...counted.json,
            finish_reason: finishes ? answer.reason : null,
          },
        ],
        { ...usage.json, ...timingsHere.json },
      ),
      {
        ...blank,
        kind: "chunk",
        choices: [chunk.choice],
        ...said.meaning,
        ...counted.meaning,
        ...(finishes && { finish: answer.reason }),
        ...usage.meaning,
        ...timingsHere.meaning,
      },
    );
  }
  if (answer.failure && failAt === chunks.length) writeFailure(answer.failure, write);
  if (answer.finish === "own-event") {
    for (const choice of seen) {
      const usage = answer.usage === "with-finish" ? usageOf(choice) : none;
      const timingsHere = answer.timings && usesFinishForTimings(answer) ? timed : none;
      const empty = answer.api === "chat" ? { delta: {} } : { text: "" };
      write(
        envelope([{ index: choice, ...empty, finish_reason: answer.reason }], {
          ...usage.json,
          ...timingsHere.json,
        }),
        {
          ...blank,
          kind: "chunk",
          choices: [choice],
          finish: answer.reason,
          ...usage.meaning,
          ...timingsHere.meaning,
        },
      );
    }
  }
  const finals =
    answer.usage === "final-each"
      ? seen
      : answer.usage === "final" || answer.usage === "continuous"
        ? [undefined]
        : [];
  for (const choice of finals) {
    const usage = usageOf(choice);
    const timingsHere = answer.timings ? timed : none;
    write(envelope([], { ...usage.json, ...timingsHere.json }), {
      ...blank,
      kind: "chunk",
      ...usage.meaning,
      ...timingsHere.meaning,
    });
  }
  if (answer.done) write("[DONE]", { ...blank, kind: "done" });
  return events;
}

function usesFinishForTimings(answer: RandomAnswer): boolean {
  return answer.usage === "none" || answer.usage === "with-finish";
}

function endTokens(answer: RandomAnswer): number {
  return answer.endTokenCounted && answer.reason !== "length" && answer.finish !== "none" ? 1 : 0;
}

/** Completions have one text and no tools; one choice has the index 0. */
function adapted(chunk: RandomChunk, answer: RandomAnswer): RandomChunk {
  const choice = answer.choices === 1 ? 0 : chunk.choice;
  return answer.api === "completions" ? { ...chunk, choice, kind: "answer" } : { ...chunk, choice };
}

function contentOf(answer: RandomAnswer, chunk: RandomChunk): { json: object; meaning: Partial<Meaning> } {
  if (answer.api === "completions") return { json: { text: chunk.text }, meaning: { answer: chunk.text } };
  switch (chunk.kind) {
    case "answer":
      return { json: { delta: { content: chunk.text } }, meaning: { answer: chunk.text } };
    case "refusal":
      return { json: { delta: { content: null, refusal: chunk.text } }, meaning: { answer: chunk.text } };
    case "reasoning":
    case "reasoning_content":
      return {
        json: { delta: { content: "", [chunk.kind]: chunk.text } },
        meaning: { reasoning: chunk.text },
      };
    default: {
      const name = chunk.kind === "tool-name" ? chunk.text : "";
      const parameters = chunk.kind === "tool-arguments" ? chunk.text : "";
      const called = chunk.kind === "tool-name" ? { name, arguments: "" } : { arguments: parameters };
      const call = { index: chunk.call, id: "call-1", type: "function", function: called };
      return {
        json: { delta: { content: null, tool_calls: [call] } },
        meaning: { tool: { choice: chunk.choice, call: chunk.call, name, arguments: parameters } },
      };
    }
  }
}

function countsOf(
  answer: RandomAnswer,
  chunk: RandomChunk,
  soFar: number,
): { json: object; meaning: Partial<Meaning> } {
  const list = (length: number) => Array.from({ length }, (_, id) => id);
  switch (answer.counts) {
    case "none":
      return { json: { logprobs: null }, meaning: {} };
    case "ids":
      return { json: { token_ids: list(chunk.tokens), logprobs: null }, meaning: { ids: chunk.tokens } };
    default: {
      const length = answer.counts === "logprobs" ? chunk.tokens : soFar;
      const name = answer.api === "chat" ? "content" : "tokens";
      return { json: { logprobs: { [name]: list(length) } }, meaning: { logprobs: length } };
    }
  }
}

type Write = (json: object | string, meaning: Meaning, type?: string, isFailure?: boolean) => void;

function writeFailure(failure: RandomFailure, write: Write): void {
  const said = { ...blank, kind: "error" as const, message: "it broke" };
  switch (failure.form) {
    case "error-object":
      return write({ error: { message: "it broke", type: "x", code: 500 } }, said, "", true);
    case "error-text":
      return write({ error: "it broke", error_type: "x" }, said, "", true);
    case "flat":
      return write({ object: "error", message: "it broke", code: 400 }, said, "", true);
    case "detail":
      return write({ detail: "it broke" }, said, "", true);
    case "named-event":
      return write({ message: "it broke", code: 503 }, said, "error", true);
    case "not-json":
      return write("<p>oops</p>", { ...blank, kind: "garbage", message: "<p>oops</p>" }, "", true);
    case "half-json":
      return write(
        '{"choices":[{"index":0,',
        { ...blank, kind: "garbage", message: '{"choices":[{"index":0,' },
        "",
        true,
      );
  }
}

function writeEvent(
  json: object | string,
  meaning: Meaning,
  type: string,
  style: RandomStyle,
  bom: string,
  isFailure: boolean,
): WrittenEvent {
  const newline = style.newline;
  const space = style.spaceAfterColon ? " " : "";
  const field = (name: string, value: string) => `${name}:${space}${value}${newline}`;
  let head = bom;
  if (style.before === "comment") head += `: ping${newline}`;
  if (style.before === "empty-comment") head += `:${newline}${newline}`;
  if (style.before === "blank") head += newline;
  if (style.before === "id") head += field("id", "7");
  if (style.before === "retry") head += field("retry", "3000");
  if (style.before === "unknown-field") head += `data-like${newline}${field("datax", "{")}`;
  if (type !== "") head += field("event", type);
  else if (style.before === "named") head += field("event", "message");
  const data = typeof json === "string" ? json : encode(json, style);
  const lines = data.split("\n").map((line) => `data:${space}${line}`);
  const body = lines.join(newline);
  const bytes = Buffer.from(`${head}${body}${newline}${newline}`);
  const dataFrom = Buffer.byteLength(head) + `data:${space}`.length;
  const dataTo = Buffer.byteLength(head) + Buffer.byteLength(body);
  return { meaning, bytes, dataFrom, dataTo, completeAt: bytes.length - newline.length, newline, isFailure };
}

/** JSON as servers write it: with or without blanks, this or that order and escape. Line breaks split `data:` lines. */
function encode(value: unknown, style: RandomStyle): string {
  const comma = style.lines ? ",\n" : style.spacesInJson ? ", " : ",";
  const colon = style.spacesInJson ? ": " : ":";
  if (Array.isArray(value)) return `[${value.map((item) => encode(item, style)).join(comma)}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (style.extraFields) entries.push(["x_extra", { text: null, list: [1, "content", { delta: 2 }] }]);
    if (style.keysReversed) entries.reverse();
    const written = entries.map(([key, item]) => {
      const inner = key === "x_extra" ? { ...style, extraFields: false } : style;
      return `${JSON.stringify(key)}${colon}${encode(item, inner)}`;
    });
    return `{${written.join(comma)}}`;
  }
  return typeof value === "string" ? escape(value, style.escapes) : JSON.stringify(value);
}

function escape(text: string, escapes: RandomStyle["escapes"]): string {
  if (escapes === "all" && text.length < 40) return `"${unicodeEscape(text)}"`;
  const plain = JSON.stringify(text);
  if (escapes === "slashes") return plain.replaceAll("/", "\\/");
  if (escapes === "non-ascii") return plain.replace(/[\u007f-\u{10ffff}]/gu, unicodeEscape);
  return plain;
}

/** `\uXXXX` for each UTF-16 unit, so two for a character outside the basic plane. */
function unicodeEscape(characters: string): string {
  return Array.from(
    { length: characters.length },
    (_, i) => `\\u${characters.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}

function total(outputs: ReadonlyMap<number, number>): number {
  return [...outputs.values()].reduce((sum, output) => sum + output, 0);
}
