import type { RequestRecord } from "../../src/load/record.ts";
import type { RandomAnswer } from "./random-answer.ts";
import { type Meaning, type WrittenEvent, writeAnswer } from "./written-answer.ts";

/** The bytes of an answer, cut into reads of pieces, and the record that they must make. */
export interface AnswerCase {
  readonly reads: readonly (readonly Buffer[])[];
  readonly end: "end" | "reset";
  readonly record: RequestRecord;
}

export const sentT = 3.2;
export const headersT = 7.4;
export const endT = 1e9 + 0.4;
/** Not a whole microsecond, so that rounding shows. */
export const readT = (read: number): number => 1000 * (read + 1) + 0.4;
const readUs = (read: number): number => 1000 * (read + 1);

interface Delivered {
  readonly meaning: Meaning;
  readonly read: number;
}

/** Writes the answer down, cuts it as it says, and works out from what was meant (never from bytes) what to expect. */
export function answerCase(answer: RandomAnswer): AnswerCase {
  const events = writeAnswer(answer);
  const stop = cutOf(answer, events);
  const bytes = Buffer.concat(events.map((event) => event.bytes)).subarray(0, stop?.length);
  const starts = readStarts(answer, bytes.length);
  const reads = starts.map((start, k) =>
    piecesOf(answer, bytes.subarray(start, starts[k + 1] ?? bytes.length)),
  );
  const readOf = (offset: number) => starts.findLastIndex((start) => start <= offset);

  const delivered: Delivered[] = [];
  let offset = 0;
  for (const event of events) {
    const complete = offset + event.completeAt;
    if (complete < bytes.length) delivered.push({ meaning: event.meaning, read: readOf(complete) });
    else if (event === stop?.event && stop.wholeData && answer.end === "end") {
      delivered.push({ meaning: event.meaning, read: reads.length - 1 });
    }
    offset += event.bytes.length;
  }
  return { reads, end: answer.end, record: expectRecord(answer, delivered, reads.length > 0) };
}

function cutOf(answer: RandomAnswer, events: readonly WrittenEvent[]) {
  if (answer.cut === undefined) return undefined;
  const first = events.findIndex((event) => event.meaning.kind === "chunk") + 1;
  if (first === 0 || first >= events.length) return undefined;
  const index = first + Math.floor(answer.cut.share * (events.length - first));
  const event = events[index];
  if (event === undefined || event.isFailure) return undefined;
  const before = events.slice(0, index).reduce((sum, { bytes }) => sum + bytes.length, 0);
  const spread = (answer.cut.share * 997) % 1;
  if (answer.cut.where === "before-blank-line") {
    const length = before + event.dataTo + (spread < 0.5 ? 0 : event.newline.length);
    return { event, wholeData: true, length };
  }
  // At least one byte of the data comes and one does not.
  const inside = 1 + Math.floor(spread * (event.dataTo - event.dataFrom - 1));
  return { event, wholeData: false, length: before + event.dataFrom + inside };
}

function readStarts(answer: RandomAnswer, length: number): number[] {
  if (length === 0) return [];
  const { mode, cuts } = answer.reads;
  if (mode === "one") return [0];
  if (mode === "every-byte") return Array.from({ length }, (_, at) => at);
  return [...new Set([0, ...cuts.map((share) => Math.floor(share * length))])].sort((a, b) => a - b);
}

function piecesOf(answer: RandomAnswer, read: Buffer): Buffer[] {
  const starts = [0, ...answer.reads.pieces.map((share) => Math.floor(share * read.length))].sort(
    (a, b) => a - b,
  );
  return starts.map((start, k) => read.subarray(start, starts[k + 1] ?? read.length));
}

function textOf(meaning: Meaning): string {
  return (
    meaning.answer + meaning.reasoning + (meaning.tool ? meaning.tool.name + meaning.tool.arguments : "")
  );
}

function expectRecord(
  answer: RandomAnswer,
  delivered: readonly Delivered[],
  anyByte: boolean,
): RequestRecord {
  const chunks = delivered.filter(({ meaning }) => meaning.kind === "chunk");
  const texts = chunks.filter(({ meaning }) => textOf(meaning) !== "");
  const at = (found: Delivered | undefined) => (found === undefined ? undefined : readUs(found.read));
  const firstText = texts[0];
  const firstTextAt = firstText === undefined ? chunks.length : chunks.indexOf(firstText);
  const role = chunks.slice(0, firstTextAt).find(({ meaning }) => meaning.role);
  const finish = chunks.findLast(({ meaning }) => meaning.finish !== undefined)?.meaning.finish;
  const timing = chunks.findLast(({ meaning }) => meaning.timings !== undefined)?.meaning.timings;
  const done = delivered.some(({ meaning }) => meaning.kind === "done");
  const tokens = expectTokens(chunks, finish);
  const error = expectError(answer, delivered, {
    ...(tokens.output !== undefined && { output: tokens.output }),
    done,
    anyByte,
  });
  return withoutUndefined({
    i: 5,
    worker: 2,
    phase: "measured",
    connection: { reused: true },
    scheduledUs: 2,
    endUs: Math.round(endT),
    reads: expectReads(texts),
    tokens,
    sentUs: Math.round(sentT),
    headersUs: Math.round(headersT),
    firstByteUs: anyByte ? readUs(0) : undefined,
    roleUs: at(role),
    firstTextUs: at(firstText),
    firstAnswerUs: at(texts.find(({ meaning }) => meaning.answer !== "")),
    lastTextUs: at(texts.at(-1)),
    usageUs: at(chunks.findLast(({ meaning }) => meaning.usage !== undefined)),
    finish,
    status: 200,
    done: done ? true : undefined,
    text: answer.saveText ? expectText(texts.map(({ meaning }) => meaning)) : undefined,
    serverTimings: timing && {
      promptMs: timing[0],
      promptTokens: timing[1],
      predictedMs: timing[2],
      predictedTokens: timing[3],
      cachedTokens: timing[4],
    },
    error,
  });
}

function expectReads(texts: readonly Delivered[]): RequestRecord["reads"] {
  const reads = [...new Set(texts.map(({ read }) => read))];
  const of = (read: number) => texts.filter((text) => text.read === read);
  return {
    gapsUs: reads.map((read, k) => (k === 0 ? 0 : readUs(read) - readUs(reads[k - 1] ?? 0))),
    chunks: reads.map((read) => of(read).length),
    bytes: reads.map((read) =>
      of(read).reduce((sum, { meaning }) => sum + Buffer.byteLength(textOf(meaning)), 0),
    ),
  };
}

function expectText(texts: readonly Meaning[]): NonNullable<RequestRecord["text"]> {
  const tools = texts.flatMap(({ tool }) => (tool === undefined ? [] : [tool]));
  const keys = [...new Set(tools.map(({ choice, call }) => `${choice}/${call}`))];
  const calls = keys.map((key) => {
    const parts = tools.filter(({ choice, call }) => `${choice}/${call}` === key);
    return `${parts.map(({ name }) => name).join("")}(${parts.map((part) => part.arguments).join("")})`;
  });
  const reasoning = texts.map((meaning) => meaning.reasoning).join("");
  return withoutUndefined({
    answer: texts.map((meaning) => meaning.answer).join(""),
    reasoning: reasoning === "" ? undefined : reasoning,
    toolCalls: calls.length === 0 ? undefined : calls,
  });
}

function expectTokens(chunks: readonly Delivered[], finish: string | undefined): RequestRecord["tokens"] {
  const meanings = chunks.map(({ meaning }) => meaning);
  const usages = meanings.filter((meaning) => meaning.usage !== undefined);
  const choices = new Set(meanings.flatMap((meaning) => meaning.choices)).size;
  const cached = meanings.flatMap(({ usage, timings }) =>
    usage?.cached !== undefined ? [usage.cached] : timings !== undefined ? [timings[4]] : [],
  );
  const output = expectOutput(usages, choices);
  const perChunk = choices > 1 ? undefined : expectPerChunk(meanings, output, finish);
  return withoutUndefined({
    prompt: usages[0]?.usage?.prompt,
    output,
    cached: cached.length === 0 ? undefined : Math.max(...cached),
    firstChunk: perChunk?.[0],
    perChunk,
  });
}

function expectOutput(usages: readonly Meaning[], choices: number): number | undefined {
  const finals = usages
    .filter((meaning) => meaning.choices.length === 0)
    .map(({ usage }) => usage?.output ?? 0);
  if (finals.length > 0) return choices > 1 ? sum(finals) : finals.at(-1);
  const last = new Map(usages.map((meaning) => [meaning.choices[0], meaning.usage?.output ?? 0]));
  return last.size === 0 ? undefined : sum([...last.values()]);
}

function expectPerChunk(
  meanings: readonly Meaning[],
  output: number | undefined,
  finish: string | undefined,
): number[] | undefined {
  const texts = meanings.filter((meaning) => textOf(meaning) !== "");
  if (texts.length === 0) return undefined;
  const totals = texts.map((meaning) => meaning.usage?.output);
  if (totals.every((count) => count !== undefined)) {
    return totals.map((count, k) => count - (totals[k - 1] ?? 0));
  }
  const counts: (number | undefined)[] = [];
  let held = 0;
  for (const meaning of meanings) {
    const count = meaning.ids ?? meaning.logprobs;
    if (textOf(meaning) === "") held += count ?? 0;
    else {
      counts.push(count === undefined ? undefined : count + held);
      held = 0;
    }
  }
  if (!counts.every((count) => count !== undefined)) return undefined;
  if (output === undefined)
    return meanings.some((meaning) => meaning.logprobs !== undefined) ? undefined : counts;
  const missing = output - sum(counts) - held;
  return missing === 0 || (missing === 1 && finish !== "length") ? counts : undefined;
}

function expectError(
  answer: RandomAnswer,
  delivered: readonly Delivered[],
  { output, done, anyByte }: { output?: number; done: boolean; anyByte: boolean },
): RequestRecord["error"] {
  const meanings = delivered.map(({ meaning }) => meaning);
  const failed = meanings.find(({ kind }) => kind === "error" || kind === "garbage");
  const chunks = meanings.filter(({ kind }) => kind === "chunk");
  const finished = new Set(chunks.flatMap(({ finish, choices }) => (finish === undefined ? [] : choices)));
  const seen = new Set(chunks.flatMap(({ choices }) => choices));
  const whole =
    (seen.size > 0 && finished.size === seen.size) ||
    (finished.size > 0 && output !== undefined && done) ||
    chunks.some(({ choices, usage }) => choices.length === 0 && usage !== undefined) ||
    (output ?? -1) >= (answer.maxTokens ?? Number.POSITIVE_INFINITY);

  if (failed?.kind === "error") return { kind: "stream", message: failed.message ?? "" };
  if (failed?.kind === "garbage")
    return { kind: "garbage", message: `not an answer of this API: ${failed.message}` };
  if (answer.end === "reset" && !(done && whole)) return { kind: "reset", message: "lost" };
  if (!anyByte) return { kind: "empty", message: "HTTP 200 without a body" };
  if (chunks.length === 0) return { kind: "empty", message: "HTTP 200 without any chunk" };
  if (!whole) {
    const said = done ? ", though it said [DONE]" : "";
    return { kind: "truncated", message: `the stream ended without a finish reason${said}` };
  }
  const reason = chunks.findLast(({ finish }) => finish !== undefined)?.finish;
  const due = output === undefined ? reason === "length" : output > 1;
  if (!chunks.some((meaning) => textOf(meaning) !== "") && due) {
    return { kind: "empty", message: `no text in the answer (finish reason ${reason ?? "not given"})` };
  }
  return undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
