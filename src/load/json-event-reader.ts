import { describeError } from "./error-body.ts";
import type { EventMeaning, EventReader } from "./event-meaning.ts";

/**
 * Reads the events of every engine's chat and completions API, and their whole JSON answers (which differ in naming
 * `message` what events name `delta`). Lenient in what it takes, since engines differ; nothing it meets makes it throw.
 */
export class JsonEventReader implements EventReader {
  readonly #keepText: boolean;

  constructor(keepText: boolean) {
    this.#keepText = keepText;
  }

  read(bytes: Uint8Array, from: number, to: number, type: string, meaning: EventMeaning): void {
    meaning.clear();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("utf8");
    if (text === "[DONE]" || text.trim() === "[DONE]") {
      meaning.kind = "done";
      return;
    }
    if (text.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      meaning.kind = type === "error" ? "error" : "garbage";
      meaning.errorMessage = text.slice(0, 500);
      return;
    }
    // llama.cpp sends `null` first when a request holds several prompts.
    if (value === null) return;
    if (!isObject(value)) {
      meaning.kind = "unknown";
      return;
    }
    const error = type === "error" ? (describeError(value) ?? text.slice(0, 500)) : describeError(value);
    if (error !== undefined) {
      meaning.kind = "error";
      meaning.errorMessage = error;
      return;
    }
    this.#readChoices(value["choices"], meaning);
    readUsage(value["usage"], meaning);
    readTimings(value["timings"], meaning);
    const known = Array.isArray(value["choices"]) || meaning.outputTokens >= 0 || meaning.promptTokens >= 0;
    meaning.kind = known ? "chunk" : "unknown";
  }

  #readChoices(choices: unknown, meaning: EventMeaning): void {
    if (!Array.isArray(choices)) return;
    for (const choice of choices as unknown[]) {
      if (!isObject(choice)) continue;
      const index = typeof choice["index"] === "number" ? choice["index"] : 0;
      const bit = 1 << Math.min(Math.max(index, 0), 30);
      meaning.choices++;
      meaning.choice = index;
      meaning.seenMask |= bit;
      // TGI's completions say "" until there is a reason.
      const finish = choice["finish_reason"];
      if (typeof finish === "string" && finish !== "") {
        meaning.finish = finish;
        meaning.finishedMask |= bit;
      }
      this.#readText(choice, index, meaning);
      countTokens(choice, meaning);
    }
  }

  #readText(choice: JsonObject, index: number, meaning: EventMeaning): void {
    this.#addAnswer(choice["text"], meaning);
    const delta = isObject(choice["delta"]) ? choice["delta"] : choice["message"];
    if (!isObject(delta)) return;
    if (typeof delta["role"] === "string") meaning.role = true;
    this.#addAnswer(delta["content"], meaning);
    this.#addAnswer(delta["refusal"], meaning);
    this.#addReasoning(delta, meaning);
    const calls = delta["tool_calls"];
    if (Array.isArray(calls)) {
      for (const [place, call] of (calls as unknown[]).entries()) {
        if (!isObject(call)) continue;
        const at = typeof call["index"] === "number" ? call["index"] : place;
        this.#addTool(call["function"], index, at, meaning);
      }
    }
    this.#addTool(delta["function_call"], index, 0, meaning);
  }

  #addAnswer(text: unknown, meaning: EventMeaning): void {
    if (typeof text !== "string" || text === "") return;
    meaning.answerBytes += Buffer.byteLength(text);
    if (this.#keepText) meaning.answer += text;
  }

  /** The same reasoning under both of its names, as some engines send it, counts once. */
  #addReasoning(delta: JsonObject, meaning: EventMeaning): void {
    const names = [delta["reasoning_content"], delta["reasoning"]];
    const text = names.find((value) => typeof value === "string" && value !== "");
    if (typeof text !== "string") return;
    meaning.reasoningBytes += Buffer.byteLength(text);
    if (this.#keepText) meaning.reasoning += text;
  }

  #addTool(call: unknown, choice: number, at: number, meaning: EventMeaning): void {
    if (!isObject(call)) return;
    const name = typeof call["name"] === "string" ? call["name"] : "";
    const given = call["arguments"];
    // Ollama and others send the arguments as an object.
    const parameters = typeof given === "string" ? given : isObject(given) ? JSON.stringify(given) : "";
    if (name === "" && parameters === "") return;
    meaning.toolBytes += Buffer.byteLength(name) + Buffer.byteLength(parameters);
    if (this.#keepText) meaning.tools.push({ choice, call: at, name, arguments: parameters });
  }
}

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function countTokens(choice: JsonObject, meaning: EventMeaning): void {
  const ids = choice["token_ids"];
  if (Array.isArray(ids)) meaning.idTokens = Math.max(meaning.idTokens, 0) + ids.length;
  const logprobs = choice["logprobs"];
  if (!isObject(logprobs)) return;
  // Chat has a list of `content`, completions a list of `tokens`; llama.cpp's completions have `content` too.
  const list = Array.isArray(logprobs["content"]) ? logprobs["content"] : logprobs["tokens"];
  if (Array.isArray(list)) meaning.logprobTokens = Math.max(meaning.logprobTokens, 0) + list.length;
}

function readUsage(usage: unknown, meaning: EventMeaning): void {
  if (!isObject(usage)) return;
  meaning.promptTokens = count(usage["prompt_tokens"]);
  meaning.outputTokens = count(usage["completion_tokens"]);
  const details = usage["prompt_tokens_details"];
  if (isObject(details)) meaning.cachedTokens = count(details["cached_tokens"]);
}

function readTimings(timings: unknown, meaning: EventMeaning): void {
  if (!isObject(timings)) return;
  const promptMs = timings["prompt_ms"];
  const predictedMs = timings["predicted_ms"];
  const promptTokens = count(timings["prompt_n"]);
  const predictedTokens = count(timings["predicted_n"]);
  const cachedTokens = count(timings["cache_n"]);
  if (typeof promptMs !== "number" || typeof predictedMs !== "number") return;
  if (promptTokens < 0 || predictedTokens < 0) return;
  meaning.timings = {
    promptMs,
    promptTokens,
    predictedMs,
    predictedTokens,
    ...(cachedTokens >= 0 && { cachedTokens }),
  };
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : -1;
}
