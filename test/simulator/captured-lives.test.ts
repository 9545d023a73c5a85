import { describe, expect, it } from "vitest";
import { dialects } from "../../src/simulator/dialects/index.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { type CaptureFolder, loadCapture, loadTranscript, readCaptureText } from "../fixtures/captures.ts";
import { createMemorySimulator } from "./memory.ts";
import { postBytes } from "./raw-client.ts";
import { readStream } from "./read-stream.ts";
import { skeletonOf } from "./skeleton.ts";

/** Captures that are more than one exchange: how servers load, are overloaded, die, and keep connections. */

const slow = { ...instantProfile, prefillMs: 10, decodeMs: 10 };
const chat = (tokens: number, stream: boolean) =>
  postBytes("/v1/chat/completions", {
    model: "m",
    messages: [{ role: "user", content: "Tell me a story" }],
    max_tokens: tokens,
    ...(stream ? { stream: true } : {}),
  });
const completion = (tokens: number, stream: boolean) =>
  postBytes("/v1/completions", {
    model: "m",
    prompt: "Once upon a time",
    max_tokens: tokens,
    ...(stream ? { stream: true } : {}),
  });
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
/** Status, headers and form of an answer; texts and how many events there are differ from run to run. */
const formOf = (bytes: Buffer) => {
  const { status, headers, values, body } = skeletonOf(bytes, { texts: false, perChoice: false });
  const kinds = Array.isArray(body) ? [...new Set(body.map((shape) => JSON.stringify(shape)))] : body;
  return { status, headers, values, kinds };
};
const answerOf = (folder: CaptureFolder, name: string, title: string) =>
  loadTranscript(folder, name).find((part) => part.title.startsWith(title))?.response ?? Buffer.alloc(0);

describe("an overloaded server", () => {
  it.each(["tgi-2.4.1", "tgi-3.3.7"] as const)(
    "refuses as %s does: 429, or an error in a 200 stream",
    (folder) => {
      const dialect = folder === "tgi-2.4.1" ? "tgi-2.4.1" : "tgi";
      const { connect } = createMemorySimulator({
        dialect,
        profile: slow,
        behaviour: { maxConcurrentRequests: 1 },
      });
      connect().send(chat(100, true));
      for (const stream of [true, false]) {
        const refused = connect();
        refused.send(chat(100, stream));
        const captured = loadTranscript(folder, "overload")[stream ? 0 : 1]?.response ?? Buffer.alloc(0);
        expect(formOf(refused.bytes())).toEqual(formOf(captured));
      }
    },
  );

  it("is by default one with 128 requests for TGI, and queues everywhere else", () => {
    expect(
      Object.entries(dialects).filter(([, { maxConcurrentRequests }]) => maxConcurrentRequests !== undefined),
    ).toEqual([
      ["tgi", expect.objectContaining({ maxConcurrentRequests: 128 })],
      ["tgi-2.4.1", expect.objectContaining({ maxConcurrentRequests: 128 })],
    ]);
  });
});

describe("an engine that dies in the middle of a stream", () => {
  const dying = { process: { engineDies: { afterChunks: 4 } } };

  it("sends an error and [DONE], 500 to who does not stream, and exits, as vLLM", () => {
    const { connect, timeline, life } = createMemorySimulator({
      dialect: "vllm",
      profile: slow,
      behaviour: dying,
    });
    const [streamed, whole] = [connect(), connect()];
    streamed.send(chat(150, true));
    whole.send(completion(150, false));
    timeline.run();
    expect(formOf(streamed.bytes())).toEqual(
      formOf(answerOf("vllm-0.32", "engine-killed-midstream", "stream")),
    );
    expect(formOf(whole.bytes())).toEqual(
      formOf(answerOf("vllm-0.32", "engine-killed-midstream", "nonstream")),
    );
    expect(readStream(streamed.bytes())).toMatchObject({
      done: true,
      whole: true,
      finish: [],
      errors: [{ code: 500 }],
    });
    expect(life.exit).toMatchObject({ status: 1 });
  });

  it("falls silent with /health still at 200, as SGLang 0.4.7", () => {
    const { connect, timeline, life } = createMemorySimulator({
      dialect: "sglang-0.4.7",
      profile: slow,
      behaviour: dying,
    });
    const [streamed, whole, later, health] = [connect(), connect(), connect(), connect()];
    streamed.send(chat(150, true));
    whole.send(completion(150, false));
    timeline.run();
    later.send(chat(5, true));
    health.send(get("/health"));
    timeline.run();
    expect(formOf(streamed.bytes())).toEqual(
      formOf(answerOf("sglang-0.4.7", "engine-killed-midstream", "stream")),
    );
    expect(readStream(streamed.bytes())).toMatchObject({ done: false, whole: false });
    expect([streamed.ended, whole.ended, whole.writes.length, later.writes.length]).toEqual([
      undefined,
      undefined,
      0,
      0,
    ]);
    expect(health.bytes().toString()).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(life.exit).toBeUndefined();
  });

  it("closes the connection without a last chunk and exits, as SGLang 0.5.23", () => {
    const { connect, timeline, life } = createMemorySimulator({
      dialect: "sglang",
      profile: slow,
      behaviour: dying,
    });
    const streamed = connect();
    streamed.send(chat(150, true));
    timeline.run();
    expect(formOf(streamed.bytes())).toEqual(
      formOf(answerOf("sglang-0.5.23", "engine-killed-midstream", "stream")),
    );
    expect(readStream(streamed.bytes())).toMatchObject({ done: false, whole: false });
    expect([streamed.ended, life.exit?.status]).toEqual(["closed", 1]);
  });

  it.each(["tgi-2.4.1", "tgi-3.3.7"] as const)("sends an error, is unhealthy and stays, as %s", (folder) => {
    const dialect = folder === "tgi-2.4.1" ? "tgi-2.4.1" : "tgi";
    const { connect, timeline, life } = createMemorySimulator({ dialect, profile: slow, behaviour: dying });
    const streamed = connect();
    streamed.send(completion(60, true));
    timeline.run();
    const [later, health] = [connect(), connect()];
    later.send(chat(5, true));
    health.send(get("/health"));
    expect(formOf(streamed.bytes())).toEqual(
      formOf(loadCapture(folder, "backend-killed-midstream").response),
    );
    expect(formOf(later.bytes())).toEqual(
      formOf(loadCapture(folder, "request-after-backend-death").response),
    );
    const captured = Buffer.from(readCaptureText(folder, "health-after-backend-death").trimEnd());
    expect(formOf(health.bytes())).toEqual(formOf(captured));
    expect([health.ended, life.exit]).toEqual(["closed", undefined]);
  });
});

describe("a server that is told to end", () => {
  it("sends running requests an error, as vLLM", async () => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect: "vllm", profile: slow });
    const [streamed, whole] = [connect(), connect()];
    streamed.send(chat(150, true));
    whole.send(completion(150, false));
    timeline.advance(45_000);
    await simulator.stop();
    expect(formOf(streamed.bytes())).toEqual(formOf(answerOf("vllm-0.32", "sigterm-midstream", "stream")));
    expect(formOf(whole.bytes())).toEqual(formOf(answerOf("vllm-0.32", "sigterm-midstream", "nonstream")));
    expect([streamed.ended, whole.ended]).toEqual(["closed", "closed"]);
  });

  it("lets running requests end where the engine drains, and closes idle connections at once", async () => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect: "sglang", profile: slow });
    const [streamed, idle] = [connect(), connect()];
    streamed.send(chat(20, true));
    timeline.advance(45_000);
    const stopped = simulator.stop();
    expect([streamed.ended, idle.ended]).toEqual([undefined, "closed"]);
    timeline.run();
    await stopped;
    expect(readStream(streamed.bytes())).toMatchObject({ done: true, whole: true, finish: ["length"] });
    expect(streamed.ended).toBe("closed");
  });

  it.each(["llamacpp", "vllm-0.6.4"] as const)("cuts what runs, as %s", async (dialect) => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect, profile: slow });
    const streamed = connect();
    streamed.send(chat(20, true));
    timeline.advance(45_000);
    await simulator.stop();
    expect(readStream(streamed.bytes())).toMatchObject({ done: false, whole: false, finish: [] });
    expect(streamed.ended).toBe("closed");
  });
});

describe("a server that loads", () => {
  const loading = { ...instantProfile, loadMs: 1000 };
  /** What /health and a request would find, each tenth of the loading time. */
  const lifeOf = (dialect: keyof typeof dialects, path = "/health") => {
    const memory = createMemorySimulator({ dialect, profile: loading });
    return Array.from({ length: 11 }, (_, i) => {
      if (i > 0) memory.timeline.advance(100_000);
      if (memory.life.listening === undefined) return "refused";
      const probe = memory.connect();
      probe.send(get(path));
      return probe.bytes().toString().slice("HTTP/1.1 ".length, 12);
    });
  };
  const times = (count: number, what: string) => Array.from({ length: count }, () => what);

  it("refuses connections until it is ready, as vLLM, TGI, transformers and llama-cpp-python", () => {
    for (const dialect of ["vllm", "vllm-0.6.4", "tgi", "tgi-2.4.1", "transformers-serve"] as const) {
      expect(lifeOf(dialect)).toEqual([...times(10, "refused"), "200"]);
    }
    expect(lifeOf("llama-cpp-python", "/v1/models")).toEqual([...times(10, "refused"), "200"]);
  });

  it("says 503 while it loads, as llama.cpp, word for word", () => {
    expect(lifeOf("llamacpp")).toEqual(["refused", ...times(9, "503"), "200"]);
    const { connect, timeline } = createMemorySimulator({ dialect: "llamacpp", profile: loading });
    timeline.advance(500_000);
    const [probe, request] = [connect(), connect()];
    probe.send(get("/health"));
    request.send(chat(5, true));
    const said = /503 {2}(\{.*\})/.exec(readCaptureText("llamacpp", "health-loading"))?.[1];
    expect(probe.bytes().toString().split("\r\n\r\n")[1]).toBe(said);
    expect(request.bytes().toString()).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("says 503 during its warm-up, as SGLang 0.5.23", () => {
    expect(lifeOf("sglang")).toEqual([...times(9, "refused"), "503", "200"]);
  });

  it("says 200 before its warm-up is done, and answers only after it, as SGLang 0.4.7", () => {
    expect(lifeOf("sglang-0.4.7")).toEqual([...times(9, "refused"), "200", "200"]);
    const { connect, timeline, life } = createMemorySimulator({ dialect: "sglang-0.4.7", profile: loading });
    timeline.advance(900_000);
    const request = connect();
    request.send(completion(3, false));
    expect([request.writes.length, life.ready]).toEqual([0, undefined]);
    timeline.run();
    expect(request.writes[0]?.us).toBe(1_000_000);
    expect(life.ready).toBe(1_000_000);
  });

  it("is live before it is ready, as NIM is documented", () => {
    expect(lifeOf("nim-1.8", "/v1/health/ready")).toEqual([
      ...times(4, "refused"),
      ...times(6, "503"),
      "200",
    ]);
    expect(lifeOf("nim-1.8", "/v1/health/live")).toEqual([...times(4, "refused"), ...times(7, "200")]);
  });
});

describe("a connection that is kept", () => {
  const answered = (dialect: keyof typeof dialects, count: number) => {
    const { connect, timeline } = createMemorySimulator({ dialect });
    const connection = connect();
    for (let i = 0; i < count && connection.ended === undefined; i++) {
      connection.send(completion(1, false));
      timeline.advance(1000);
    }
    const answers = connection.bytes().toString().split("HTTP/1.1 200 OK").slice(1);
    return { count: answers.length, last: answers.at(-1) ?? "", ended: connection.ended };
  };

  it("is closed with the hundredth answer, which says so, by llama.cpp", () => {
    const { count, last, ended } = answered("llamacpp", 130);
    expect([count, ended]).toEqual([100, "closed"]);
    expect(last).toContain("Connection: close");
    expect(readCaptureText("llamacpp", "keepalive")).toContain(
      "100 answers on one connection, then: server sent Connection: close",
    );
  });

  it("is not closed by the others after 130 answers", () => {
    for (const dialect of [
      "vllm",
      "sglang-0.4.7",
      "sglang",
      "tgi-2.4.1",
      "tgi",
      "llama-cpp-python",
    ] as const) {
      expect(answered(dialect, 130)).toMatchObject({ count: 130, ended: undefined });
    }
  });

  it("is closed after a stream by llama.cpp although its headers say that it is kept", () => {
    const { connect, timeline } = createMemorySimulator({ dialect: "llamacpp" });
    const connection = connect();
    connection.send(chat(3, true));
    timeline.advance(1000);
    expect(readStream(connection.bytes())).toMatchObject({ whole: true, done: true });
    expect(connection.bytes().toString()).toContain("Keep-Alive: timeout=5, max=100");
    expect(connection.ended).toBe("closed");
  });

  it("is closed after five idle seconds, and after twenty not by TGI", () => {
    for (const dialect of ["vllm", "sglang", "llamacpp", "llama-cpp-python", "tgi"] as const) {
      const { connect, timeline } = createMemorySimulator({ dialect });
      const connection = connect();
      connection.send(completion(1, false));
      timeline.advance(4_900_000);
      expect(connection.ended).toBeUndefined();
      timeline.advance(15_100_000);
      expect(connection.ended).toBe(dialect === "tgi" ? undefined : "closed");
    }
  });

  it("gets a comment every 15 silent seconds from TGI, in an HTTP chunk of its own", () => {
    const { connect, timeline } = createMemorySimulator({
      dialect: "tgi-2.4.1",
      behaviour: { always: { silence: { afterChunk: 5, ms: 32_000 } } },
    });
    const connection = connect();
    connection.send(completion(60, true));
    timeline.advance(31_000_000);
    const captured = loadCapture("tgi-2.4.1", "keepalive-comment").response.toString();
    const comments = connection.writes.filter(({ bytes }) => bytes.toString() === "3\r\n:\n\n\r\n");
    expect(comments.map(({ us }) => Math.round(us / 1e6))).toEqual([15, 30]);
    expect(captured).toContain("\r\n3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
    timeline.run(2_000_000);
    expect(readStream(connection.bytes())).toMatchObject({ done: true, whole: true });
  });
});

describe("a client that leaves", () => {
  it("takes its request out of the batch", () => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect: "vllm", profile: slow });
    const connection = connect();
    connection.send(chat(1500, true));
    timeline.advance(65_000);
    expect(simulator.live().running).toBe(1);
    connection.connection.closed();
    timeline.advance(20_000);
    expect([simulator.live().running, simulator.live().usedTokens, simulator.live().aborted]).toEqual([
      0, 0, 1,
    ]);
    expect(simulator.truth.requests).toMatchObject([{ outcome: "cancelled", outputTokens: 6 }]);
  });

  it("leaves an unstreamed request behind with transformers, which works on", () => {
    const { connect, timeline, simulator } = createMemorySimulator({
      dialect: "transformers-serve",
      profile: slow,
    });
    const connection = connect();
    connection.send(postBytes("/v1/completions", { model: "m", prompt: "x", max_tokens: 300 }));
    timeline.advance(100_000);
    connection.connection.closed();
    timeline.advance(100_000);
    expect(simulator.live().running).toBe(1);
    timeline.run();
    expect(simulator.truth.requests).toMatchObject([{ outcome: "complete", outputTokens: 300 }]);
  });

  it("loses its stream to the next request with llama-cpp-python: [DONE], no finish reason, no last HTTP chunk", () => {
    const { connect, timeline } = createMemorySimulator({ dialect: "llama-cpp-python", profile: slow });
    const [first, second] = [connect(), connect()];
    first.send(completion(100, true));
    timeline.advance(95_000);
    second.send(completion(3, true));
    timeline.run();
    const [captured] = loadTranscript("llama-cpp-python-0.3.36", "interrupted-stream");
    const told = readStream(captured?.response ?? Buffer.alloc(0));
    const read = readStream(first.bytes());
    expect([read.done, read.whole, read.finish]).toEqual([told.done, told.whole, told.finish]);
    expect([read.done, read.whole, first.ended]).toEqual([true, false, "closed"]);
    expect(readStream(second.bytes())).toMatchObject({ done: true, whole: true, finish: ["length"] });
  });
});
