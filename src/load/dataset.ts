import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { LlmbenchError } from "../error.ts";
import { createRandom, shuffle } from "./random.ts";
import type { ChatMessage, Prompt, PromptSource } from "./request-source.ts";

export interface Dataset {
  readonly path: string;
  /** Of the file's bytes, hexadecimal. */
  readonly sha256: string;
  readonly prompts: readonly Prompt[];
  /** Entries without anything to ask, such as conversations that a machine begins. */
  readonly skipped: number;
}

/**
 * Reads prompts from a file of JSON lines, in three forms which may be mixed: `{"prompt": …}` or `{"text": …}`;
 * `{"messages": [{"role", "content"}, …]}`; ShareGPT's `{"conversations": [{"from", "value"}, …]}`, of which all up to
 * the last human turn is asked. A file that is one JSON array of such objects is read too. Rejects with
 * DATASET_UNREADABLE, DATASET_INVALID (file and line) or DATASET_EMPTY.
 */
export async function loadDataset(path: string): Promise<Dataset> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LlmbenchError("DATASET_UNREADABLE", `cannot read the data set ${path}: ${reason}`, {
      cause: error,
    });
  }
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  const prompts: Prompt[] = [];
  let skipped = 0;
  for (const { value, place } of text.trimStart().startsWith("[")
    ? arrayEntries(path, text)
    : lineEntries(path, text)) {
    const prompt = promptOf(value, place);
    if (prompt === undefined) skipped++;
    else prompts.push(prompt);
  }
  if (prompts.length === 0) {
    throw new LlmbenchError("DATASET_EMPTY", `the data set ${path} has no prompt in it`, { hint: formsHint });
  }
  return { path, sha256: createHash("sha256").update(bytes).digest("hex"), prompts, skipped };
}

/**
 * A seeded choice of a data set's prompts: all of them in random order, then all again in another. The same seed gives
 * the same choice.
 */
export function datasetPrompts(dataset: Pick<Dataset, "prompts">, seed: number): PromptSource {
  const size = dataset.prompts.length;
  let pass = -1;
  let order: number[] = [];
  return (i) => {
    const wanted = Math.floor(i / size);
    if (wanted !== pass) {
      pass = wanted;
      const places = Array.from({ length: size }, (_, place) => place);
      order = shuffle(places, createRandom(seed, `dataset pass ${pass}`));
    }
    return dataset.prompts[order[i % size] ?? 0] as Prompt;
  };
}

const formsHint =
  'each line is {"prompt": "…"}, {"text": "…"}, {"messages": [{"role": "user", "content": "…"}]} or {"conversations": [{"from": "human", "value": "…"}]}';

interface Entry {
  readonly value: unknown;
  readonly place: string;
}

function* lineEntries(path: string, text: string): Generator<Entry> {
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line.trim() === "") continue;
    const place = `${path}:${number}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw invalid(place, `not JSON: ${(error as Error).message}`);
    }
    yield { value, place };
  }
}

function* arrayEntries(path: string, text: string): Generator<Entry> {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw invalid(lineOfParseError(path, text, error), `not JSON: ${(error as Error).message}`);
  }
  for (const [index, value] of (values as unknown[]).entries())
    yield { value, place: `${path}: entry ${index + 1}` };
}

/** V8 says the position in characters; a person looks for the line. */
function lineOfParseError(path: string, text: string, error: unknown): string {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
  if (position === undefined) return path;
  return `${path}:${text.slice(0, Number(position)).split("\n").length}`;
}

function promptOf(value: unknown, place: string): Prompt | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(place, "not an object");
  const entry = value as Record<string, unknown>;
  for (const name of ["prompt", "text"]) {
    if (entry[name] === undefined) continue;
    const text = entry[name];
    if (typeof text !== "string") throw invalid(place, `"${name}" is not a text`);
    return text === "" ? undefined : { kind: "text", text };
  }
  if (entry["messages"] !== undefined) {
    return conversation(turnsOf(entry["messages"], "messages", "role", "content", place));
  }
  if (entry["conversations"] !== undefined) {
    const turns = turnsOf(entry["conversations"], "conversations", "from", "value", place);
    return askedOf(turns.map((turn) => ({ ...turn, role: shareGptRole(turn.role, place) })));
  }
  throw invalid(place, `none of "prompt", "text", "messages", "conversations"`);
}

function turnsOf(value: unknown, list: string, role: string, content: string, place: string): ChatMessage[] {
  if (!Array.isArray(value)) throw invalid(place, `"${list}" is not a list`);
  return (value as unknown[]).map((turn, index) => {
    const at = `"${list}"[${index}]`;
    if (typeof turn !== "object" || turn === null) throw invalid(place, `${at} is not an object`);
    const said = turn as Record<string, unknown>;
    if (typeof said[role] !== "string") throw invalid(place, `${at} has no "${role}"`);
    if (typeof said[content] !== "string") throw invalid(place, `${at} has no "${content}" that is a text`);
    return { role: said[role], content: said[content] };
  });
}

function conversation(messages: ChatMessage[]): Prompt | undefined {
  return messages.length === 0 ? undefined : { kind: "messages", messages };
}

/** What comes before a machine's last answer; a lone question is a plain prompt. */
function askedOf(turns: ChatMessage[]): Prompt | undefined {
  const last = turns.findLastIndex((turn) => turn.role === "user");
  const asked = turns.slice(0, last + 1);
  const only = asked.length === 1 ? asked[0] : undefined;
  if (only !== undefined) return only.content === "" ? undefined : { kind: "text", text: only.content };
  return conversation(asked);
}

function shareGptRole(from: string, place: string): string {
  switch (from) {
    case "human":
    case "user":
      return "user";
    case "gpt":
    case "chatgpt":
    case "bing":
    case "bard":
    case "assistant":
      return "assistant";
    case "system":
      return "system";
    case "tool":
    case "function":
      return "tool";
    default:
      throw invalid(place, `"from": "${from}" is none of human, gpt, system`);
  }
}

function invalid(place: string, what: string): LlmbenchError {
  return new LlmbenchError("DATASET_INVALID", `${place}: ${what}`, { hint: formsHint });
}
