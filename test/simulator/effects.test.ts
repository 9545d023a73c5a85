import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Effects } from "../../src/simulator/options.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { postBytes, RawConnection } from "./raw-client.ts";
import { type ReadStream, readStream } from "./read-stream.ts";

/** Every effect on raw sockets: does what its description says, and to nothing else. */

let simulator: RunningSimulator;
beforeAll(async () => {
  simulator = await startSimulator({ dialect: "vllm", model: "m", seed: 5 });
});
afterAll(() => simulator.close());

const body = (maxTokens: number, more: Record<string, unknown> = {}) => ({
  model: "m",
  messages: [{ role: "user", content: "Hello" }],
  max_tokens: maxTokens,
  stream: true,
  stream_options: { include_usage: true },
  ...more,
});

interface Told extends ReadStream {
  readonly bytes: Buffer;
  readonly reads: readonly Buffer[];
  readonly ended: RawConnection["ended"];
  /** The truth of this request. */
  readonly request: ReturnType<RunningSimulator["truth"]>["requests"][number];
  readonly chunks: ReturnType<RunningSimulator["truth"]>["chunks"];
}

async function ask(effects: Effects, maxTokens = 12, more: Record<string, unknown> = {}): Promise<Told> {
  const connection = await RawConnection.open(simulator.port);
  const index = simulator.stats().requests;
  connection.send(
    postBytes("/v1/chat/completions", body(maxTokens, more), [`x-sim-effects: ${JSON.stringify(effects)}`]),
  );
  const { bytes, reads } = await connection.receive();
  const { ended } = connection;
  connection.close();
  const truth = simulator.truth();
  const request = truth.requests.find((each) => each.request === index);
  if (request === undefined) throw new Error(`no truth of request ${index}`);
  const chunks = truth.chunks.filter((each) => each.request === index);
  return { ...readStream(bytes), bytes, reads, ended, request, chunks };
}

/** The answer as it is without effects: what every effect on bytes must leave as it is. */
let plain: Told;
beforeAll(async () => {
  plain = await ask({});
});

/** What was read is what was meant, and what the truth says. */
function expectSame(told: Told): void {
  expect(told.content).toBe(plain.content);
  expect(told.finish).toEqual(["length"]);
  expect(told.usage.at(-1)).toMatchObject({ completion_tokens: 12 });
  expect([told.done, told.whole, told.ended]).toEqual([true, true, undefined]);
  expect(told.request).toMatchObject({
    text: plain.content,
    outputTokens: 12,
    outcome: "complete",
    finish: "length",
  });
  expect(told.chunks.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(12);
  expect(told.chunks.map(({ bytes }) => bytes)).toEqual(told.texts.map((text) => Buffer.byteLength(text)));
  expect(told.chunks.map(({ chunk }) => chunk)).toEqual(told.texts.map((_, i) => i));
}

describe("bytes", () => {
  it("are those of the dialect without effects", () => {
    expectSame(plain);
    expect(plain.texts).toHaveLength(12);
  });

  it("are cut anywhere and sent in pieces: every byte alone", async () => {
    const told = await ask({ split: { pieces: "every-byte", gapMs: 0 }, coalesce: 20 });
    expectSame(told);
    expect(told.bytes.length).toBeGreaterThan(2000);
    // More reads than writes without the effect: the kernel joins some, never all.
    expect(told.reads.length).toBeGreaterThan(plain.reads.length);
  });

  it("are cut inside characters of several bytes", async () => {
    const tokens = ["é", "漢字", "🚀", "👩‍💻", "\u00a0", "\\", '"', "\n"];
    const script = { tokens, end: "eos" as const };
    const told = await ask({ script, split: { pieces: "every-byte", gapMs: 0 } }, 100);
    expect(told.texts).toEqual(tokens);
    expect(told.finish).toEqual(["stop"]);
    expect(told.chunks.map(({ bytes }) => bytes)).toEqual([2, 6, 4, 11, 2, 1, 1, 1]);
  });

  it("go out as more HTTP chunks than events", async () => {
    const told = await ask({ httpChunks: 5 });
    expectSame(told);
    const sizes = (bytes: Buffer) => bytes.toString("latin1").match(/\r\n[0-9a-f]+\r\n/g)?.length ?? 0;
    expect(sizes(told.bytes)).toBeGreaterThan(sizes(plain.bytes) * 4);
  });

  it("of several events go out in one write, all at one time", async () => {
    const told = await ask({ coalesce: 6 });
    expectSame(told);
    const writes = new Map<number, Set<number>>();
    for (const { write, us } of told.chunks) writes.set(write, (writes.get(write) ?? new Set()).add(us));
    // 12 texts and the role, six at a time.
    expect(writes.size).toBe(3);
    expect([...writes.values()].every((times) => times.size === 1)).toBe(true);
  });

  it.each(["crlf", "cr"] as const)("end their lines with %s", async (lineEnd) => {
    const told = await ask({ lineEnd });
    expectSame(told);
    const text = told.bytes.toString("latin1");
    expect(text).not.toContain("\n\n");
    expect(text).toContain(lineEnd === "crlf" ? "data: [DONE]\r\n\r\n" : "data: [DONE]\r\r");
  });

  it("carry comments, other fields and data without a space", async () => {
    const told = await ask({ decorate: true }, 12);
    expectSame(told);
    const text = told.bytes.toString("latin1");
    expect(text).toMatch(/^data:\{/m);
    expect(text).toMatch(/^(:|event:|id:|retry:|unknown:)/m);
  });

  it("carry the truth of each event when asked", async () => {
    const told = await ask({ stamp: true });
    expectSame(told);
    const stamps = told.data
      .filter((data) => data.includes('"content":"') && !data.includes('"content":""'))
      .map((data) => (JSON.parse(data) as { sim: { i: number; c: number; t: number } }).sim);
    expect(stamps.map(({ i, c }) => [i, c])).toEqual(
      told.chunks.map(({ request, chunk }) => [request, chunk]),
    );
    for (const [n, { t }] of stamps.entries()) {
      // Put into the event after the chunk before was written, and before this one was.
      expect(t).toBeLessThanOrEqual(Math.ceil(told.chunks[n]?.us ?? 0));
      expect(t).toBeGreaterThanOrEqual(Math.floor(told.chunks[n - 1]?.us ?? 0));
    }
  });
});

describe("texts", () => {
  it("come several tokens an event, and the truth counts them", async () => {
    const told = await ask({ tokensPerChunk: { min: 2, max: 4 } });
    expectSame(told);
    const counts = told.chunks.map(({ tokens }) => tokens);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4);
    expect(counts.slice(0, -1).every((count) => count >= 2)).toBe(true);
  });

  it("may be reasoning first, in either field", async () => {
    for (const field of ["reasoning_content", "reasoning"] as const) {
      const told = await ask({ reasoning: { tokens: 5, field } });
      expect([
        told.reasoning + told.content,
        told.data.filter((data) => data.includes(`"${field}":"`)).length,
      ]).toEqual([plain.content, 5]);
      expect(told.chunks.map(({ kind }) => kind)).toEqual([
        ...Array<string>(5).fill("reasoning"),
        ...Array<string>(7).fill("content"),
      ]);
      expect(told.request).toMatchObject({ reasoning: told.reasoning, text: told.content });
    }
  });

  it("may be a tool call whose arguments are JSON", async () => {
    const told = await ask({ toolCall: { name: "look_up" }, reasoning: { tokens: 2, field: "reasoning" } });
    expect(told.toolName).toBe("look_up");
    expect(JSON.parse(told.toolArguments)).toHaveProperty("query");
    expect([told.finish, told.content]).toEqual([["tool_calls"], ""]);
    expect(told.request.tool).toBe(told.toolName + told.toolArguments);
    expect(told.chunks.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(
      Buffer.byteLength(told.reasoning + told.toolName + told.toolArguments),
    );
  });

  it("may take several tokens a character, of which the last has the text", async () => {
    const told = await ask({ splitCharacters: 1 });
    expect(told.texts).toHaveLength(4);
    expect(told.chunks.map(({ tokens, bytes }) => [tokens, bytes >= 3])).toEqual(
      told.texts.map(() => [3, true]),
    );
    expect(told.usage.at(-1)).toMatchObject({ completion_tokens: 12 });
  });

  it("may end by themselves, unless the length is forced", async () => {
    const naturalStop = { probability: 0.2, minTokens: 3 };
    const told = await ask({ naturalStop }, 500);
    expect(told.finish).toEqual(["stop"]);
    // The end token counts and has no text.
    expect(told.usage.at(-1)?.["completion_tokens"]).toBe(told.texts.length + 1);
    expect(told.texts.length).toBeGreaterThanOrEqual(3);
    const forced = await ask({ naturalStop }, 500, { ignore_eos: true });
    expect([forced.finish, forced.texts.length]).toEqual([["length"], 500]);
    const atLeast = await ask({ naturalStop }, 500, { min_tokens: 200 });
    expect(atLeast.texts.length).toBeGreaterThanOrEqual(200);
    expect(atLeast.finish).toEqual(["stop"]);
  });

  it("are counted never, always or in every event", async () => {
    expect((await ask({ usage: "never" })).usage).toEqual([]);
    expect((await ask({ usage: "always" }, 12, { stream_options: undefined })).usage).toHaveLength(1);
    const continuous = await ask({ usage: "continuous" });
    expect(continuous.usage.map((usage) => usage["completion_tokens"])).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12,
    ]);
  });

  it("may never say why they ended", async () => {
    const told = await ask({ omitFinish: true });
    expect([told.finish, told.content, told.done]).toEqual([[], plain.content, true]);
  });
});

describe("faults of a stream", () => {
  it("refuse with a status and Retry-After, in the engine's words", async () => {
    const connection = await RawConnection.open(simulator.port);
    for (const [status, retry] of [
      [429, 2],
      [503, undefined],
    ] as const) {
      const effects: Effects = {
        reject: retry === undefined ? { status } : { status, retryAfterSeconds: retry },
      };
      connection.send(
        postBytes("/v1/chat/completions", body(5), [`x-sim-effects: ${JSON.stringify(effects)}`]),
      );
      const answer = (await connection.receive()).bytes.toString();
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer.includes("retry-after: 2\r\n")).toBe(retry === 2);
      expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toMatchObject({ error: { code: status } });
    }
    connection.close();
  });

  it("reset the connection half way", async () => {
    const told = await ask({ reset: { afterChunk: 4 } });
    expect(told.ended).toBe("reset");
    expect([told.done, told.whole]).toEqual([false, false]);
    expect(told.request.outcome).toBe("reset");
    expect(told.chunks).toHaveLength(4);
  });

  it.each([
    { done: false, lastHttpChunk: false },
    { done: true, lastHttpChunk: false },
    { done: false, lastHttpChunk: true },
    { done: true, lastHttpChunk: true },
  ])("cut it short with $done [DONE], $lastHttpChunk last HTTP chunk", async ({ done, lastHttpChunk }) => {
    const told = await ask({ cut: { afterChunk: 4, done, lastHttpChunk } });
    expect(told.texts).toHaveLength(4);
    expect([told.finish, told.usage, told.done, told.whole]).toEqual([[], [], done, lastHttpChunk]);
    expect(told.request).toMatchObject({ outcome: "cut", text: told.content });
  });

  it("cut it short before its first text", async () => {
    const told = await ask({ cut: { afterChunk: 0, done: false, lastHttpChunk: true } });
    expect([told.status, told.data, told.whole, told.chunks]).toEqual([200, [], true, []]);
  });

  it("put an error into a 200 stream", async () => {
    const told = await ask({ streamError: { afterChunk: 3, message: "out of memory" } });
    expect([told.status, told.texts.length, told.errors.length, told.done, told.whole]).toEqual([
      200,
      3,
      1,
      true,
      true,
    ]);
    expect(told.errors[0]).toMatchObject({ message: "out of memory" });
    expect([told.request.outcome, told.ended]).toEqual(["stream-error", undefined]);
  });

  it("keep silent for a while, then send what was due in one go", async () => {
    const told = await ask({ silence: { afterChunk: 5, ms: 60 } });
    expectSame(told);
    const gaps = told.chunks.map(({ us }, i) => us - (told.chunks[i - 1]?.us ?? us));
    expect(gaps[5]).toBeGreaterThanOrEqual(58_000);
    expect(new Set(told.chunks.slice(5).map(({ write }) => write)).size).toBe(1);
  });

  it("send headers late", async () => {
    const told = await ask({ slowHeadersMs: 60 });
    expectSame(told);
    expect((told.chunks[0]?.us ?? 0) - told.request.receivedUs).toBeGreaterThanOrEqual(58_000);
  });

  it("send a comment when nothing else is due", async () => {
    const told = await ask({ silence: { afterChunk: 5, ms: 100 }, commentEveryMs: 20 });
    expectSame(told);
    expect(told.bytes.toString("latin1").split("\r\n3\r\n:\n\n\r\n").length).toBeGreaterThan(2);
  });

  it("never answer, or stop answering", async () => {
    const index = simulator.stats().requests;
    const [silent, stuck] = [
      await RawConnection.open(simulator.port),
      await RawConnection.open(simulator.port),
    ];
    silent.send(postBytes("/v1/chat/completions", body(12), [`x-sim-effects: {"hang":{}}`]));
    stuck.send(postBytes("/v1/chat/completions", body(12), [`x-sim-effects: {"hang":{"afterChunk":2}}`]));
    const other = await ask({});
    expectSame(other);
    const bytes = await stuck.untilBytes(700);
    expect(readStream(bytes).texts).toEqual(plain.texts.slice(0, 2));
    expect([silent.ended, stuck.ended]).toEqual([undefined, undefined]);
    const [, ...running] = [other, ...simulator.truth().requests.filter(({ request }) => request >= index)];
    expect(running.map(({ outcome }) => outcome)).toEqual(["hang", "running", "complete"]);
    silent.close();
    stuck.close();
  });

  it("answer with events that are no JSON, a web page, or bytes that are no HTTP", async () => {
    const say = async (garbage: NonNullable<Effects["garbage"]>) => {
      const connection = await RawConnection.open(simulator.port);
      connection.send(
        postBytes("/v1/chat/completions", body(5), [`x-sim-effects: ${JSON.stringify({ garbage })}`]),
      );
      const answer = await connection.receive();
      connection.close();
      return answer.bytes;
    };
    const events = (await say("json")).toString();
    expect(events).toMatch(/^HTTP\/1\.1 200 OK/);
    const data = [...events.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => json);
    expect(data).toHaveLength(3);
    expect(() => JSON.parse(data[0] ?? "")).toThrow(/JSON/);
    expect((await say("html")).toString()).toMatch(/content-type: text\/html[^]*<!doctype html>/);
    expect((await say("http")).toString("latin1")).not.toMatch(/^HTTP/);
    const noise = await say("binary");
    expect(Buffer.from(noise.toString("utf8")).equals(noise)).toBe(false);
  });

  it("close the connection after the answer, said or unsaid", async () => {
    for (const close of ["announced", "silent"] as const) {
      const connection = await RawConnection.open(simulator.port);
      connection.send(
        postBytes("/v1/chat/completions", body(5), [`x-sim-effects: ${JSON.stringify({ close })}`]),
      );
      const { bytes, complete } = await connection.receive();
      expect([complete, /^connection: close/im.test(bytes.toString())]).toEqual([
        true,
        close === "announced",
      ]);
      expect(await connection.stillAnswers()).toBe(false);
    }
  });
});

describe("effects of one request", () => {
  it("that are not understood are refused, and the simulator lives on", async () => {
    const connection = await RawConnection.open(simulator.port);
    connection.send(postBytes("/v1/chat/completions", body(5), [`x-sim-effects: {"splitt":1}`]));
    expect((await connection.receive()).bytes.toString()).toMatch(/^HTTP\/1\.1 400 [^]*splitt/);
    expect(await connection.stillAnswers()).toBe(true);
    connection.close();
  });
});

describe("which requests", () => {
  const behaviour = {
    always: { tokensPerChunk: { min: 2, max: 2 } },
    rules: [
      { when: { indices: [1, 3] }, effects: { reject: { status: 503 } } },
      { when: { from: 4, every: 2 }, effects: { reject: { status: 429 } } },
    ],
  };

  it("are chosen by number, and later rules win", async () => {
    const chosen = await startSimulator({ dialect: "sglang", behaviour });
    const statuses: number[] = [];
    for (let i = 0; i < 9; i++) {
      const connection = await RawConnection.open(chosen.port);
      connection.send(postBytes("/v1/completions", { model: "m", prompt: "x", max_tokens: 4, stream: true }));
      statuses.push(readStream((await connection.receive()).bytes).status);
      connection.close();
    }
    expect(statuses).toEqual([200, 503, 200, 503, 429, 200, 429, 200, 429]);
    expect(chosen.truth().chunks.map(({ tokens }) => tokens)).toEqual(Array(8).fill(2));
    await chosen.close();
  });

  it("are chosen by a seeded probability", async () => {
    const failuresOf = async (seed: number) => {
      const rules = [{ when: { probability: 0.3 }, effects: { reject: { status: 500 } } }];
      const chosen = await startSimulator({ dialect: "sglang", seed, behaviour: { rules } });
      const connection = await RawConnection.open(chosen.port);
      for (let i = 0; i < 200; i++) {
        connection.send(postBytes("/v1/completions", { model: "m", prompt: "x", max_tokens: 1 }));
        await connection.receive();
      }
      connection.close();
      const failed = chosen.truth().requests.filter(({ status }) => status === 500);
      await chosen.close();
      return failed.map(({ request }) => request);
    };
    const [first, again, other] = [await failuresOf(1), await failuresOf(1), await failuresOf(2)];
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
    // Binomial(200, 0.3): within five standard deviations.
    expect(Math.abs(first.length - 60)).toBeLessThan(33);
  });

  it("share a connection no longer than it is said to last", async () => {
    for (const announced of [true, false]) {
      const chosen = await startSimulator({
        dialect: "vllm",
        model: "m",
        behaviour: { closeAfterRequests: { requests: 3, announced } },
      });
      const connection = await RawConnection.open(chosen.port);
      const said: boolean[] = [];
      for (let i = 0; i < 3; i++) {
        connection.send(postBytes("/v1/completions", { model: "m", prompt: "x", max_tokens: 1 }));
        said.push(/^connection: close/im.test((await connection.receive()).bytes.toString()));
      }
      expect(said).toEqual([false, false, announced]);
      expect(await connection.stillAnswers()).toBe(false);
      await chosen.close();
    }
  });
});
