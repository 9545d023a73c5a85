import { afterEach, describe, expect, it } from "vitest";
import type { RequestRecord } from "../../src/load/record.ts";
import { SimulatorDialect, type SimulatorOptions } from "../../src/simulator/options.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import type { Truth } from "../../src/simulator/truth.ts";
import { expectConsistent, sum } from "./answers.ts";
import { runAgainst } from "./simulated-run.ts";

const running: RunningSimulator[] = [];
afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close();
});

type Given = Parameters<typeof startSimulator>[0];

async function simulate(given: Given): Promise<RunningSimulator> {
  const simulator = await startSimulator(given);
  running.push(simulator);
  await simulator.ready;
  return simulator;
}

/** What was recorded of a request, in the words of the truth. */
function recorded(record: RequestRecord): object {
  const text = record.text ?? { answer: "" };
  return {
    chunks: sum(record.reads.chunks),
    bytes: sum(record.reads.bytes),
    output: record.tokens.output,
    text: text.answer,
    reasoning: text.reasoning ?? "",
    tool: (text.toolCalls ?? []).map((call) => call.replace(/\(([^]*)\)$/, "$1")).join(""),
    finish: record.finish,
    error: record.error,
  };
}

function meant(truth: Truth, i: number, usage = true): object {
  const request = truth.requests.find(({ requestId }) => requestId === `${i}`);
  const chunks = truth.chunks.filter(({ request: number }) => number === request?.request);
  return {
    chunks: chunks.length,
    bytes: sum(chunks.map(({ bytes }) => bytes)),
    output: usage ? request?.outputTokens : undefined,
    text: request?.text,
    reasoning: request?.reasoning,
    tool: request?.tool,
    finish: request?.finish,
    error: undefined,
  };
}

const load = { arrival: "closed", concurrency: 4, requests: 12, outputTokens: 17 } as const;

describe.each(SimulatorDialect.options)("against a simulated %s", (dialect) => {
  it.each(["chat", "completions"] as const)("every chunk, token and text of %s is recorded", async (api) => {
    const simulator = await simulate({ dialect, behaviour: { always: { multiByte: 0.3 } } });
    // A second request would cut the first one short: llama-cpp-python serves one at a time.
    const concurrency = dialect === "llama-cpp-python" ? 1 : 4;
    const { records, outcome } = await runAgainst(simulator.url, { ...load, concurrency }, api);
    const truth = simulator.truth();
    const saysUsage = dialect !== "llama-cpp-python";
    expect(records.map((record) => recorded(record))).toEqual(
      records.map(({ i }) => meant(truth, i, saysUsage)),
    );
    for (const record of records) expectConsistent(record);
    expect(outcome).toMatchObject({
      requests: { planned: 12, ok: 12 },
      instrument: { chunks: truth.chunks.length },
    });
  });
});

type Effects = NonNullable<NonNullable<SimulatorOptions["behaviour"]>["always"]>;

describe("against streams that travel badly", () => {
  it.each<[string, Effects]>([
    ["several tokens a chunk", { tokensPerChunk: { min: 1, max: 4 } }],
    ["characters of three tokens", { splitCharacters: 0.5 }],
    ["reasoning before the answer", { reasoning: { tokens: 6, field: "reasoning_content" } }],
    ["reasoning under its other name", { reasoning: { tokens: 6, field: "reasoning" } }],
    ["a tool call", { toolCall: { name: "look_up" } }],
    ["bytes one by one", { split: { pieces: "every-byte", gapMs: 0 }, multiByte: 0.5 }],
    ["bytes cut anywhere", { split: { pieces: 5, gapMs: 0.2 }, multiByte: 0.5 }],
    ["events over several HTTP chunks", { httpChunks: 3, multiByte: 0.5 }],
    ["many events in one write", { coalesce: 6 }],
    ["lines that end in CR LF", { lineEnd: "crlf", split: { pieces: 4, gapMs: 0.2 } }],
    ["lines that end in CR", { lineEnd: "cr", split: { pieces: 4, gapMs: 0.2 } }],
    ["comments, names and ids", { decorate: true, commentEveryMs: 1 }],
    ["usage with every chunk", { usage: "continuous", tokensPerChunk: { min: 1, max: 3 } }],
    ["a connection that closes unannounced", { close: "silent" }],
    ["a connection that closes announced", { close: "announced" }],
  ])("%s: nothing is lost", async (_what, always) => {
    const simulator = await simulate({ dialect: "vllm", behaviour: { always } });
    const { records } = await runAgainst(simulator.url, load, "chat");
    const truth = simulator.truth();
    expect(records.map((record) => recorded(record))).toEqual(records.map(({ i }) => meant(truth, i)));
    for (const record of records) expectConsistent(record);
  });

  it("tokens of each chunk are what the server counted", async () => {
    const always: Effects = { usage: "continuous", tokensPerChunk: { min: 1, max: 4 }, splitCharacters: 0.3 };
    const simulator = await simulate({ dialect: "vllm", behaviour: { always } });
    const { records } = await runAgainst(simulator.url, { ...load, concurrency: 1 }, "completions");
    const { chunks } = simulator.truth();
    for (const record of records) {
      const counted = chunks.filter(({ request }) => request === record.i).map(({ tokens }) => tokens);
      expect(record.tokens.perChunk).toEqual(counted);
      expect(record.tokens.firstChunk).toBe(counted[0]);
    }
  });
});

describe("against faults", () => {
  it.each<[string, Effects, string]>([
    ["429 with a time to wait", { reject: { status: 429, retryAfterSeconds: 2 } }, "http"],
    ["503", { reject: { status: 503 } }, "http"],
    ["no answer at all", { hang: {} }, "timeout"],
    ["silence after five chunks", { hang: { afterChunk: 5 } }, "timeout"],
    ["a reset after five chunks", { reset: { afterChunk: 5 } }, "reset"],
    ["a stream cut off", { cut: { afterChunk: 5, done: false, lastHttpChunk: false } }, "reset"],
    [
      "a stream cut off, whole to HTTP",
      { cut: { afterChunk: 5, done: false, lastHttpChunk: true } },
      "truncated",
    ],
    [
      "a stream cut off that says [DONE]",
      { cut: { afterChunk: 5, done: true, lastHttpChunk: true } },
      "truncated",
    ],
    ["an error in the stream", { streamError: { afterChunk: 5, message: "out of memory" } }, "stream"],
    ["events that are no JSON", { garbage: "json" }, "garbage"],
    ["a web page", { garbage: "html" }, "garbage"],
    ["bytes that are no HTTP", { garbage: "http" }, "protocol"],
    ["random bytes", { garbage: "binary" }, "garbage"],
  ])("%s is recorded as what it is, and the others are not touched", async (_what, effects, kind) => {
    const simulator = await simulate({
      dialect: "vllm",
      behaviour: { rules: [{ when: { indices: [1, 4] }, effects }] },
    });
    const { records, outcome } = await runAgainst(
      simulator.url,
      { ...load, concurrency: 1, requests: 6 },
      "chat",
      {
        timeoutMs: 250,
      },
    );
    expect(records.map(({ error }) => error?.kind)).toEqual([
      undefined,
      kind,
      undefined,
      undefined,
      kind,
      undefined,
    ]);
    expect(outcome.requests).toMatchObject({ ok: 4, [kind === "timeout" ? "timedOut" : "failed"]: 2 });
    const truth = simulator.truth();
    for (const i of [0, 2, 3, 5]) expect(recorded(records[i] as RequestRecord)).toEqual(meant(truth, i));
  });

  it("an answer whose finish reason is left out is whole by its usage", async () => {
    const simulator = await simulate({ dialect: "vllm", behaviour: { always: { omitFinish: true } } });
    const { outcome, records } = await runAgainst(simulator.url, load, "chat");
    expect(outcome.requests.ok).toBe(12);
    expect(records.every(({ finish, tokens }) => finish === undefined && tokens.output === 17)).toBe(true);
    const { outcome: without } = await runAgainst(simulator.url, load, "chat", {
      body: { stream_options: undefined },
    });
    expect(without.requests.failed).toBe(12);
  });

  it("a server that exits in the middle: what was under way is lost, the rest refused", async () => {
    const simulator = await simulate({
      dialect: "vllm",
      profile: {
        loadMs: 0,
        prefillMs: 1,
        prefillMsPerToken: 0,
        decodeMs: 1,
        decodeMsPerSequence: 0,
        maxBatch: 8,
        jitter: 0,
      },
      behaviour: { process: { exit: { afterChunks: 100, status: 9, message: "crash" } } },
    });
    const { records, outcome } = await runAgainst(simulator.url, { ...load, requests: 200 }, "chat", {
      giveUpAfterFailures: 12,
    });
    expect(outcome.stopped).toBe("failures");
    expect(new Set(records.map(({ error }) => error?.kind))).toEqual(
      new Set([undefined, "reset", "refused"]),
    );
    expect(records.filter(({ error }) => error?.kind === "reset")).toHaveLength(4);
  });
});
