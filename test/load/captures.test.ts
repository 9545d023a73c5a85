import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startClock } from "../../src/load/clock.ts";
import { createTransport } from "../../src/load/create-transport.ts";
import { requestOnce } from "../../src/load/request-once.ts";
import type { Sink } from "../../src/load/transport.ts";
import {
  type Capture,
  type CaptureFolder,
  captureFolders,
  loadCapture,
  loadCaptures,
  loadTranscript,
} from "../fixtures/captures.ts";
import { type Expectation, expectationsOf, readAnswer, summaryExpected, summaryOf } from "./answers.ts";
import { bodyReads, parseAnswer } from "./http-answer.ts";
import { type ReplayServer, startReplayServer } from "./replay-server.ts";

/** Questions put to a model; probes of health, metrics and the like are no load. */
function questions(folder: CaptureFolder): Capture[] {
  return loadCaptures([folder]).filter((capture) => capture.request.method === "POST");
}

function expectationOf(capture: Capture): Expectation {
  const expected = expectationsOf(capture.folder)[capture.name];
  if (expected === undefined) throw new Error(`no expectation for ${capture.folder}/${capture.name}`);
  return expected;
}

function finish(sink: Sink, capture: Capture, atUs: number): void {
  if (capture.complete) sink.end(atUs);
  else if (capture.serverClosed) sink.error(atUs, "reset", "closed");
  else sink.error(atUs, "timeout", "no whole answer");
}

describe.each(captureFolders)("what %s sent", (folder) => {
  const captures = questions(folder);

  it("is expected, every question of it and nothing else", () => {
    expect(captures.map((capture) => capture.name).sort()).toEqual(
      Object.keys(expectationsOf(folder)).sort(),
    );
  });

  it.each(captures.map((capture) => [capture.name, capture] as const))(
    "%s is read as it was meant, in the reads in which it came",
    (_name, capture) => {
      const record = readAnswer((sink) => {
        sink.sent(1, { reused: false });
        if (capture.response.length > 0) {
          const answer = parseAnswer(capture.response);
          sink.headers((capture.reads[0]?.seconds ?? 0) * 1e6 + 1, answer.status, answer.headers);
          for (const { atUs, pieces } of bodyReads(capture)) {
            for (const piece of pieces) sink.body(atUs + 1, piece, 0, piece.length);
          }
        }
        finish(sink, capture, 1e9);
      });
      const expected = expectationOf(capture);
      expect(summaryOf(record, expected)).toEqual(summaryExpected(expected));
    },
  );

  it("is read the same byte by byte", () => {
    for (const capture of captures) {
      const record = readAnswer((sink) => {
        let t = 1;
        sink.sent(t, { reused: false });
        if (capture.response.length > 0) {
          const answer = parseAnswer(capture.response);
          sink.headers(t, answer.status, answer.headers);
          const body = Buffer.concat(answer.body.map(({ bytes }) => bytes));
          // The same byte of a buffer each time: whoever keeps it sees it change.
          const buffer = new Uint8Array(3);
          for (const byte of body) {
            buffer[1] = byte;
            sink.body(++t, buffer, 1, 2);
            buffer[1] = 0;
          }
        }
        finish(sink, capture, t + 1);
      });
      const expected = expectationOf(capture);
      expect(summaryOf(record, expected)).toEqual(summaryExpected(expected));
    }
  });
});

describe("over a real connection", () => {
  const captures = captureFolders.flatMap((folder) => questions(folder));
  let server: ReplayServer;

  beforeAll(async () => {
    server = await startReplayServer(({ head }, socket) => {
      const capture = captures[Number(/x-capture: (\d+)/.exec(head)?.[1])];
      if (capture === undefined) throw new Error("which capture?");
      socket.write(capture.response);
      if (capture.serverClosed) socket.end();
    });
  });
  afterAll(() => server.close());

  it("every answer is read as it was meant", async () => {
    const clock = startClock();
    const transport = createTransport({ origin: server.origin, clock });
    const ask = async (index: number) => {
      const record = await requestOnce({
        transport,
        clock,
        request: {
          method: "POST",
          path: "/",
          headers: { "x-capture": String(index) },
          body: Buffer.from("{}"),
        },
        // Only the captures that their own program gave up on come to this.
        timeoutMs: captures[index]?.complete === false ? 200 : 20_000,
        read: { saveText: true },
      });
      return { record, expected: expectationOf(captures[index] as Capture) };
    };
    for (let from = 0; from < captures.length; from += 16) {
      const batch = captures.slice(from, from + 16).map((_capture, k) => ask(from + k));
      for (const { record, expected } of await Promise.all(batch)) {
        expect(summaryOf(record, expected)).toEqual(summaryExpected(expected));
      }
    }
    await transport.close();
  });
});

describe("what the reads were", () => {
  it("five reads of llama.cpp's two choices: the last carried two chunks of text", () => {
    const capture = loadCapture("llamacpp", "n2-chat-stream");
    const record = readAnswer((sink) => {
      sink.sent(0, { reused: false });
      sink.headers(0, 200, { "content-type": "text/event-stream" });
      for (const { atUs, pieces } of bodyReads(capture)) {
        for (const piece of pieces) sink.body(atUs, piece, 0, piece.length);
      }
      sink.end(3e6);
    });
    expect(record.reads.chunks).toEqual([1, 1, 1, 1, 2]);
    expect(record.reads.bytes).toEqual([4, 5, 8, 4, 8]);
    // recv() at 0.570, 0.571, 1.395, 1.402 and 2.392 s, one microsecond later each.
    expect(record.reads.gapsUs).toEqual([0, 1001, 824_001, 7001, 990_001]);
    expect(record.roleUs).toBe(570_001);
    expect(record.firstTextUs).toBe(570_001);
  });

  it("transformers serve names the role 0.2 s before the first text", () => {
    const capture = loadCapture("transformers-serve", "5.19-chat-stream");
    const reads = bodyReads(capture);
    const record = readAnswer((sink) => {
      sink.headers(0, 200, { "content-type": "text/event-stream" });
      for (const { atUs, pieces } of reads)
        for (const piece of pieces) sink.body(atUs, piece, 0, piece.length);
      sink.end(1e8);
    });
    expect(record.roleUs).toBe(record.firstByteUs);
    expect((record.firstTextUs ?? 0) - (record.roleUs ?? 0)).toBeGreaterThan(100_000);
  });
});

describe("servers that die", () => {
  const read = (folder: CaptureFolder, name: string, part: number, end: "end" | "reset" | "timeout") =>
    readAnswer((sink) => {
      const { response } = loadTranscript(folder, name)[part] as { response: Buffer };
      sink.sent(0, { reused: false });
      if (response.length > 0) {
        const answer = parseAnswer(response);
        sink.headers(1, answer.status, answer.headers);
        for (const { bytes } of answer.body) sink.body(2, bytes, 0, bytes.length);
      }
      if (end === "end") sink.end(3);
      else sink.error(3, end, end);
    });

  it("vLLM whose engine was killed says so in the stream", () => {
    const said = "EngineCore encountered an issue. See stack trace (above) for the root cause.";
    for (const name of ["engine-killed-midstream", "sigterm-midstream"]) {
      const streamed = read("vllm-0.32", name, 0, "end");
      expect(streamed.error).toEqual({ kind: "stream", message: said });
      expect(streamed.done).toBe(true);
      expect(read("vllm-0.32", name, 1, "end").error).toEqual({ kind: "http", message: `HTTP 500: ${said}` });
    }
    expect(read("vllm-0.32", "engine-killed-midstream", 0, "end").text?.answer).toBe("Juguaty:");
  });

  it("SGLang 0.4.7 whose scheduler was killed says nothing more", () => {
    const record = read("sglang-0.4.7", "engine-killed-midstream", 1, "timeout");
    expect(record.error?.kind).toBe("timeout");
    expect(record.text?.answer).toBe("The Lost City of");
    expect(read("sglang-0.4.7", "engine-killed-midstream", 0, "timeout").status).toBeUndefined();
  });

  it("SGLang 0.5.23 whose scheduler was killed closes the connection", () => {
    const record = read("sglang-0.5.23", "engine-killed-midstream", 1, "reset");
    expect(record.error?.kind).toBe("reset");
    expect(record.text?.answer).toBe("One day, in");
  });

  it("TGI that has too much to do says so in the stream, or with 429", () => {
    for (const folder of ["tgi-2.4.1", "tgi-3.3.7"] as const) {
      expect(read(folder, "overload", 0, "end").error).toEqual({
        kind: "stream",
        message: "Model is overloaded",
      });
      expect(read(folder, "overload", 1, "end").error).toEqual({
        kind: "http",
        message: "HTTP 429: Model is overloaded",
      });
      expect(read(folder, "overload", 3, "end").error).toBeUndefined();
    }
  });

  it("llama-cpp-python cuts a stream and says [DONE]", () => {
    const cut = read("llama-cpp-python-0.3.36", "interrupted-stream", 0, "reset");
    expect(cut.done).toBe(true);
    expect(cut.finish).toBeUndefined();
    expect(cut.error?.kind).toBe("reset");
    // The same with the last HTTP chunk, as a proxy would add it.
    const proxied = read("llama-cpp-python-0.3.36", "interrupted-stream", 0, "end");
    expect(proxied.error).toEqual({
      kind: "truncated",
      message: "the stream ended without a finish reason, though it said [DONE]",
    });
    const whole = read("llama-cpp-python-0.3.36", "interrupted-stream", 1, "end");
    expect(whole.error).toBeUndefined();
    expect(whole.finish).toBe("length");
  });
});
