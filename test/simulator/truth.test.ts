import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dialects } from "../../src/simulator/dialects/index.ts";
import type { SimulatorDialect } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { startSimulator } from "../../src/simulator/server.ts";
import { createMemorySimulator } from "./memory.ts";
import { postBytes, RawConnection } from "./raw-client.ts";
import { readStream } from "./read-stream.ts";

const names = Object.keys(dialects) as SimulatorDialect[];
const profile = { ...instantProfile, prefillMs: 25, decodeMs: 10, decodeMsPerSequence: 1 };
const requestOf = (
  dialect: SimulatorDialect,
  api: "chat" | "completions",
  tokens: number,
  prompt = "Hello",
) =>
  postBytes(api === "chat" ? "/v1/chat/completions" : "/v1/completions", {
    model: dialect.startsWith("tgi") ? "tgi" : "m",
    ...(api === "chat" ? { messages: [{ role: "user", content: prompt }] } : { prompt }),
    max_tokens: tokens,
    stream: true,
    stream_options: { include_usage: true },
  });

describe.each(names)("the truth of %s", (dialect) => {
  it.each(["chat", "completions"] as const)(
    "has each text of a %s stream: when, how many tokens, how many bytes",
    (api) => {
      const behaviour = { always: { multiByte: 0.3 } };
      const { connect, timeline, simulator } = createMemorySimulator({ dialect, profile, behaviour });
      const connection = connect();
      connection.send(requestOf(dialect, api, 20));
      timeline.run(1_000_000);
      const told = readStream(connection.bytes());
      const [request] = simulator.truth.requests;
      const chunks = simulator.truth.chunks();
      expect(told.texts).toHaveLength(20);
      // On virtual time what is due is sent when it is due.
      expect(chunks.map(({ us }) => us)).toEqual(told.texts.map((_, i) => 25_000 + i * 10_000));
      expect(chunks.map(({ tokens }) => tokens)).toEqual(told.texts.map(() => 1));
      expect(chunks.map(({ bytes }) => bytes)).toEqual(told.texts.map((text) => Buffer.byteLength(text)));
      expect(chunks.map(({ chunk, choice, kind }) => [chunk, choice, kind])).toEqual(
        told.texts.map((_, i) => [i, 0, "content"]),
      );
      expect(request).toMatchObject({
        text: told.content,
        outputTokens: 20,
        outcome: "complete",
        status: 200,
        receivedUs: 0,
      });
      const sent = connection.writes
        .filter(({ bytes }) => /"(content|text)": ?"[^"]/.test(bytes.toString()))
        .map(({ us }) => us);
      expect(chunks.map(({ us }) => us)).toEqual(sent);
    },
  );

  it("says the same words in the same order as every other dialect", () => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect, seed: 9 });
    connect().send(requestOf(dialect, "completions", 12, "One prompt"));
    timeline.run(1_000_000);
    expect(simulator.truth.requests[0]?.text).toBe(" in no: was new field who number old wave can no");
  });
});

describe("truth", () => {
  it("is the same from the same seed and prompt, another from another", () => {
    const textOf = (seed: number, prompt: string) => {
      const { connect, timeline, simulator } = createMemorySimulator({ dialect: "vllm", seed });
      connect().send(requestOf("vllm", "chat", 30, prompt));
      timeline.run();
      return simulator.truth.requests[0]?.text;
    };
    expect(textOf(1, "a")).toBe(textOf(1, "a"));
    expect(new Set([textOf(1, "a"), textOf(2, "a"), textOf(1, "b")]).size).toBe(3);
  });

  it("keeps apart the choices of one request", () => {
    const { connect, timeline, simulator } = createMemorySimulator({ dialect: "vllm", profile });
    connect().send(
      postBytes("/v1/completions", { model: "m", prompt: ["a", "b"], n: 2, max_tokens: 5, stream: true }),
    );
    timeline.run();
    const chunks = simulator.truth.chunks();
    expect([0, 1, 2, 3].map((choice) => chunks.filter((chunk) => chunk.choice === choice).length)).toEqual([
      5, 5, 5, 5,
    ]);
    expect(simulator.truth.requests[0]?.outputTokens).toBe(20);
  });

  it("stamps on this host's monotonic clock, before the client has the bytes", async () => {
    const simulator = await startSimulator({
      dialect: "llamacpp",
      profile: { ...instantProfile, decodeMs: 2 },
    });
    const before = Number(process.hrtime.bigint() / 1000n);
    const connection = await RawConnection.open(simulator.port);
    connection.send(requestOf("llamacpp", "chat", 10));
    const { complete } = await connection.receive();
    const after = Number(process.hrtime.bigint() / 1000n);
    const { chunks, requests } = simulator.truth();
    const times = [requests[0]?.receivedUs ?? 0, ...chunks.map(({ us }) => us), requests[0]?.endUs ?? 0];
    expect([complete, chunks.length]).toEqual([true, 10]);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(before - 1);
    expect(times.at(-1)).toBeLessThanOrEqual(after + 1);
    await simulator.close();
  });

  it("is served at /sim/truth and written to a file, the same in all three places", async () => {
    const folder = mkdtempSync(join(tmpdir(), "simulator-"));
    const truthFile = join(folder, "truth.ndjson");
    const simulator = await startSimulator({ dialect: "sglang", truthFile });
    const connection = await RawConnection.open(simulator.port);
    const prompts = ["one", "two", "three"];
    for (const prompt of prompts) {
      connection.send(requestOf("sglang", "chat", 1500, prompt));
      await connection.receive();
    }
    connection.send("GET /sim/truth?clear=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    const { bytes } = await connection.receive();
    const served = bytes.toString().split("\r\n\r\n")[1] ?? "";
    const lines = served
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; prompt?: string });
    expect(lines.filter(({ type }) => type === "request").map(({ prompt }) => prompt)).toEqual(
      prompts.map((prompt) => `<|user|>${prompt}`),
    );
    expect(lines.filter(({ type }) => type === "chunk")).toHaveLength(4500);
    expect(simulator.truth()).toEqual({ chunks: [], requests: [] });
    connection.close();
    await simulator.close();
    const written = readFileSync(truthFile, "utf8").trimEnd().split("\n").sort();
    expect(written).toEqual(served.trimEnd().split("\n").sort());
    rmSync(folder, { recursive: true });
  });

  it("has stats at /sim/stats, marked simulated", async () => {
    const simulator = await startSimulator({ dialect: "tgi" });
    const connection = await RawConnection.open(simulator.port);
    connection.send(requestOf("tgi", "chat", 7));
    await connection.receive();
    connection.send("GET /sim/stats HTTP/1.1\r\nHost: x\r\n\r\n");
    const stats: unknown = JSON.parse(
      (await connection.receive()).bytes.toString().split("\r\n\r\n")[1] ?? "",
    );
    expect(stats).toMatchObject({
      simulated: true,
      dialect: "tgi",
      connectionsOpened: 1,
      connectionsOpen: 1,
      requests: 1,
      inFlight: 0,
      outputTokens: 7,
      chunks: 7,
    });
    connection.close();
    await simulator.close();
  });
});
