import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startClock } from "../../src/load/clock.ts";
import { createTransport } from "../../src/load/create-transport.ts";
import { measure } from "../../src/load/generator.ts";
import type { MeasureOptions, Progress } from "../../src/load/measurement.ts";
import { callAt } from "../../src/load/precise-timer.ts";
import type { LoadSetting, RequestRecord } from "../../src/load/record.ts";
import { requestOnce } from "../../src/load/request-once.ts";
import { arrivals } from "../../src/load/schedule.ts";
import type { TransportOptions } from "../../src/load/transport.ts";
import { expectConsistent } from "./answers.ts";

interface TestServer {
  readonly origin: string;
  readonly inFlight: number;
  readonly mostInFlight: number;
  readonly connections: number;
  readonly requests: number;
}

/** Answers request number `index`, as its body says. */
type Respond = (response: ServerResponse, index: number) => void;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(respond: Respond): Promise<TestServer> {
  let inFlight = 0;
  let mostInFlight = 0;
  let connections = 0;
  let requests = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      requests++;
      inFlight++;
      mostInFlight = Math.max(mostInFlight, inFlight);
      response.once("close", () => inFlight--);
      respond(response, (JSON.parse(body) as { index: number }).index);
    });
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get inFlight() {
      return inFlight;
    },
    get mostInFlight() {
      return mostInFlight;
    },
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
  };
}

const event = (json: object) => `data: ${JSON.stringify(json)}\n\n`;

/** Three tokens that say which request they answer. */
function stream(response: ServerResponse, index: number): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const text of ["request ", `${index}`, "!"]) {
    response.write(event({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] }));
  }
  response.write(event({ choices: [{ index: 0, delta: {}, finish_reason: "length" }] }));
  response.write(event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 3 } }));
  response.end("data: [DONE]\n\n");
}

const closed = (more: Partial<LoadSetting>): LoadSetting => ({
  arrival: "closed",
  concurrency: 4,
  outputTokens: 3,
  ...more,
});

async function run(
  server: { origin: string },
  load: LoadSetting,
  options: Partial<MeasureOptions> = {},
  transportOptions: Partial<TransportOptions> = {},
) {
  const clock = startClock();
  const cap = load.concurrency ?? load.maxConcurrency;
  const transport = createTransport({
    origin: server.origin,
    clock,
    ...(cap !== undefined && { maxConnections: cap }),
    ...transportOptions,
  });
  open.push(() => transport.close());
  const records: RequestRecord[] = [];
  const outcome = await measure({
    transport,
    requests: (i) => ({
      method: "POST",
      path: "/",
      headers: {},
      body: Buffer.from(JSON.stringify({ index: i })),
    }),
    load,
    seed: 1,
    clock,
    timeoutMs: 20_000,
    recorder: { write: (record) => records.push(record) },
    read: { saveText: true },
    ...options,
  });
  for (const record of records) expectConsistent(record);
  return { outcome, records, byNumber: [...records].sort((a, b) => a.i - b.i) };
}

describe("a closed loop", () => {
  it("makes each request once, never more at a time than asked for, on as many connections", async () => {
    // Answers only when four requests wait for it.
    const held: (() => void)[] = [];
    const server = await serve((response, index) => {
      held.push(() => stream(response, index));
      if (held.length === 4) for (const answer of held.splice(0)) answer();
    });
    const { outcome, byNumber } = await run(server, closed({ requests: 60 }));
    expect(byNumber.map(({ i }) => i)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(byNumber.map(({ text }) => text?.answer)).toEqual(byNumber.map(({ i }) => `request ${i}!`));
    expect(outcome).toMatchObject({
      requests: { planned: 60, ok: 60, failed: 0, timedOut: 0, cancelled: 0 },
      stopped: "complete",
      instrument: { chunks: 180 },
    });
    expect(server.mostInFlight).toBe(4);
    expect(server.connections).toBe(4);
    expect(byNumber.filter(({ connection }) => !connection.reused)).toHaveLength(4);
    expect(outcome.firstSentUs).toBe(Math.min(...byNumber.map(({ sentUs }) => sentUs ?? 0)));
    expect(outcome.lastEndUs).toBe(Math.max(...byNumber.map(({ endUs }) => endUs)));
  });

  it("sends a stream's next request when the one before has ended", async () => {
    const server = await serve(stream);
    const { records } = await run(server, closed({ concurrency: 1, requests: 10 }));
    expect(records.slice(1).map(({ scheduledUs }) => scheduledUs)).toEqual(
      records.slice(0, -1).map(({ endUs }) => endUs),
    );
    for (const { scheduledUs, sentUs } of records) expect(sentUs).toBeGreaterThanOrEqual(scheduledUs);
    expect(records.every(({ phase }) => phase === "measured")).toBe(true);
  });

  it("begins its streams spread over one request, and is in its ramp until the last has begun", async () => {
    const server = await serve(stream);
    const { outcome, byNumber } = await run(server, closed({ requests: 200 }), { expectedE2eMs: 40 });
    const starts = [0, 10_000, 20_000, 30_000].map((at) => outcome.startUs + at);
    const scheduled = new Set(byNumber.map(({ scheduledUs }) => scheduledUs));
    for (const start of starts) {
      // The clock's start is not a whole microsecond.
      expect([start - 1, start, start + 1].some((at) => scheduled.has(at))).toBe(true);
    }
    const last = Math.round(starts[3] ?? 0);
    const clear = byNumber.filter(({ scheduledUs }) => Math.abs(scheduledUs - last) > 1);
    expect(clear.map(({ phase }) => phase)).toEqual(
      clear.map(({ scheduledUs }) => (scheduledUs < last ? "ramp" : "measured")),
    );
  });

  it("of fewer requests than streams makes only those", async () => {
    const server = await serve(stream);
    const { outcome } = await run(server, closed({ concurrency: 8, requests: 3 }));
    expect(outcome.requests).toMatchObject({ planned: 3, ok: 3 });
    expect(server.requests).toBe(3);
  });

  it("ends when there is enough, and lets what is in flight finish", async () => {
    const held: [ServerResponse, number][] = [];
    const server = await serve((response, index) => {
      if (index < 20) stream(response, index);
      else held.push([response, index]);
    });
    const asked: number[] = [];
    const running = run(server, closed({ requests: 1000, durationSeconds: 60 }), {
      enough: ({ i }) => asked.push(i) === 21,
    });
    await vi.waitFor(() => expect(held).toHaveLength(4));
    // The 21st to end; the other three are still in flight.
    stream(...(held.shift() as [ServerResponse, number]));
    await vi.waitFor(() => expect(held).toHaveLength(4));
    for (const [response, index] of held) stream(response, index);
    const { outcome, records } = await running;
    // The stream of the 21st had sent its next before it was asked.
    expect(outcome).toMatchObject({ requests: { planned: 25, ok: 25, cancelled: 0 }, stopped: "complete" });
    expect(records).toHaveLength(25);
    expect(asked).toHaveLength(21);
  });

  it("for a time sends nothing after it, and lets what is in flight finish", async () => {
    const held: [ServerResponse, number][] = [];
    const server = await serve((response, index) => {
      if (index < 20) stream(response, index);
      else held.push([response, index]);
    });
    const running = run(server, closed({ durationSeconds: 0.5 }));
    await vi.waitFor(() => expect(held).toHaveLength(4));
    // All four streams wait for the server beyond the end, which only the clock brings.
    await new Promise((resolve) => setTimeout(resolve, 600));
    for (const [response, index] of held) stream(response, index);
    const { outcome, records } = await running;
    expect(records).toHaveLength(24);
    expect(outcome).toMatchObject({ requests: { planned: 24, ok: 24, cancelled: 0 }, stopped: "complete" });
    for (const { scheduledUs } of records) expect(scheduledUs).toBeLessThan(outcome.startUs + 500_000);
    expect(server.requests).toBe(24);
  });

  it("gives a server that closes after each answer a new connection each time, ready beforehand", async () => {
    const server = await serve((response, index) => {
      stream(response, index);
      response.once("finish", () => response.socket?.end());
    });
    const { records } = await run(server, closed({ requests: 80 }), {}, { freshConnections: true });
    expect(records.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(records.every(({ connection }) => !connection.reused)).toBe(true);
    expect(server.connections).toBeGreaterThanOrEqual(80);
  });
});

describe("an open loop", () => {
  const constant: LoadSetting = { arrival: "constant", ratePerSecond: 400, requests: 40, outputTokens: 3 };

  it("sends at the times of its rate", async () => {
    const server = await serve(stream);
    const { outcome, byNumber } = await run(server, constant);
    for (const { i, scheduledUs, sentUs } of byNumber) {
      expect(Math.abs(scheduledUs - outcome.startUs - i * 2500)).toBeLessThanOrEqual(1);
      expect(sentUs).toBeGreaterThanOrEqual(scheduledUs);
    }
    expect(outcome.requests).toMatchObject({ planned: 40, ok: 40 });
    // The first tenth of 0.1 s.
    expect(byNumber.map(({ phase }) => phase)).toEqual(
      byNumber.map(({ i }) => (i < 4 ? "ramp" : "measured")),
    );
  });

  it("ends when there is enough, and counts only what fell due by then", async () => {
    const server = await serve(stream);
    let ended = 0;
    const enough = () => ++ended === 20;
    const { outcome, records } = await run(server, { ...constant, requests: 4000 }, { enough });
    expect(outcome.stopped).toBe("complete");
    expect(records.length).toBeGreaterThanOrEqual(20);
    expect(records.length).toBeLessThan(4000);
    expect(outcome.requests).toMatchObject({ planned: records.length, ok: records.length });
  });

  it("sends at the times of its seed", async () => {
    const server = await serve(stream);
    const load: LoadSetting = { ...constant, arrival: "poisson" };
    const { outcome, byNumber } = await run(server, load, { seed: 99 });
    const expected: number[] = [];
    for (const at of arrivals(load, 99)) if (expected.push(at) === 40) break;
    const offsets = byNumber.map(({ scheduledUs }) => scheduledUs - outcome.startUs);
    for (const [k, at] of expected.entries()) expect(Math.abs((offsets[k] ?? 0) - at)).toBeLessThanOrEqual(1);
  });

  it("holds back what is beyond its cap, and the wait shows from the scheduled time", async () => {
    const held: (() => void)[] = [];
    const server = await serve((response, index) => held.push(() => stream(response, index)));
    const running = run(server, { ...constant, maxConcurrency: 3, requests: 9 });
    let answered = 0;
    while (answered < 9) {
      await vi.waitFor(() => expect(held.length).toBe(Math.min(9, answered + 3)));
      held[answered++]?.();
    }
    const { outcome, byNumber } = await running;
    expect(server.mostInFlight).toBe(3);
    expect(server.connections).toBe(3);
    expect(outcome.requests).toMatchObject({ planned: 9, ok: 9 });
    const ends = byNumber.map(({ endUs }) => endUs).sort((a, b) => a - b);
    for (const { i, sentUs, scheduledUs } of byNumber) {
      expect(Math.abs(scheduledUs - outcome.startUs - i * 2500)).toBeLessThanOrEqual(1);
      // Beyond the cap each waited for an answer to end.
      expect(sentUs).toBeGreaterThanOrEqual(i < 3 ? scheduledUs : (ends[i - 3] ?? Number.POSITIVE_INFINITY));
    }
  });

  it("for a time records what its cap still held back at the end, unsent", async () => {
    const held: (() => void)[] = [];
    const server = await serve((response, index) => held.push(() => stream(response, index)));
    const { requests: _requests, ...rest } = constant;
    const running = run(
      server,
      { ...rest, ratePerSecond: 100, maxConcurrency: 2, durationSeconds: 0.1 },
      {
        onProgress: ({ done }) => {
          // The eight that were held back are recorded when the time is over; then the two may end.
          if (done === 8) for (const answer of held.splice(0)) answer();
        },
      },
    );
    const { outcome, byNumber } = await running;
    expect(outcome.requests).toEqual({ planned: 10, ok: 2, failed: 0, timedOut: 0, cancelled: 8 });
    for (const { i, sentUs, error, scheduledUs } of byNumber) {
      expect(Math.abs(scheduledUs - outcome.startUs - i * 10_000)).toBeLessThanOrEqual(1);
      expect(sentUs === undefined).toBe(i >= 2);
      expect(error?.kind).toBe(i >= 2 ? "cancelled" : undefined);
    }
    expect(server.requests).toBe(2);
    expect(outcome.stopped).toBe("complete");
  });
});

describe("a measurement that is stopped", () => {
  it("cancels what is in flight, records it and sends no more", async () => {
    const server = await serve((response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders(),
    );
    const stop = new AbortController();
    const running = run(server, closed({ requests: 100 }), { signal: stop.signal });
    await vi.waitFor(() => expect(server.inFlight).toBe(4));
    stop.abort();
    const { outcome, records } = await running;
    expect(outcome).toMatchObject({
      requests: { planned: 100, ok: 0, cancelled: 4, failed: 0 },
      stopped: "aborted",
    });
    expect(records.map(({ error }) => error?.kind)).toEqual(Array.from({ length: 4 }, () => "cancelled"));
    await vi.waitFor(() => expect(server.inFlight).toBe(0));
    expect(server.requests).toBe(4);
  });

  it("before it began sends nothing", async () => {
    const server = await serve(stream);
    for (const load of [
      closed({ requests: 5 }),
      { arrival: "constant", ratePerSecond: 9, requests: 5, outputTokens: 3 },
    ] as const) {
      const { outcome, records } = await run(server, load, { signal: AbortSignal.abort() });
      expect(records).toEqual([]);
      expect(outcome.stopped).toBe("aborted");
    }
    expect(server.requests).toBe(0);
  });

  it("while arrivals wait for the cap records them too", async () => {
    const server = await serve(() => {});
    const stop = new AbortController();
    const load: LoadSetting = {
      arrival: "constant",
      ratePerSecond: 1000,
      requests: 50,
      maxConcurrency: 2,
      outputTokens: 3,
    };
    const records: RequestRecord[] = [];
    const running = run(server, load, {
      signal: stop.signal,
      recorder: { write: (record) => records.push(record) },
      onProgress: ({ sent }) => sent === 2 && stop.abort(),
    });
    const { outcome } = await running;
    expect(outcome.requests.cancelled).toBe(records.length);
    expect(records.filter(({ sentUs }) => sentUs !== undefined)).toHaveLength(2);
    expect(records.length).toBeGreaterThan(2);
  });
});

describe("requests that fail", () => {
  it("for want of an answer in time are recorded as such, and the stream goes on", async () => {
    const server = await serve((response, index) => {
      if (index !== 2) stream(response, index);
    });
    const { outcome, byNumber } = await run(server, closed({ concurrency: 1, requests: 5 }), {
      timeoutMs: 100,
    });
    expect(byNumber.map(({ error }) => error?.kind)).toEqual([
      undefined,
      undefined,
      "timeout",
      undefined,
      undefined,
    ]);
    expect(outcome.requests).toEqual({ planned: 5, ok: 4, failed: 0, timedOut: 1, cancelled: 0 });
  });

  it("by what the server says are recorded with it", async () => {
    const server = await serve((response) =>
      response.writeHead(429, { "retry-after": "7" }).end('{"error":"Model is overloaded"}'),
    );
    const { outcome, records } = await run(server, closed({ concurrency: 1, requests: 2 }));
    expect(outcome.requests).toMatchObject({ ok: 0, failed: 2 });
    expect(records[0]).toMatchObject({
      status: 429,
      error: { kind: "http", message: "HTTP 429: Model is overloaded", retryAfterSeconds: 7 },
    });
  });

  it("do not hammer a server that is down: a stream waits before its next", async () => {
    const { records } = await run({ origin: "http://127.0.0.1:9" }, closed({ concurrency: 1, requests: 3 }));
    expect(records.map(({ error }) => error?.kind)).toEqual(["refused", "refused", "refused"]);
    expect(records.slice(1).map(({ scheduledUs }) => scheduledUs)).toEqual(
      records.slice(0, -1).map(({ endUs }) => endUs + 100_000),
    );
    expect(records.every(({ sentUs }) => sentUs === undefined)).toBe(true);
  });

  it("so many in a row end the measurement where that is asked for", async () => {
    const { outcome, records } = await run({ origin: "http://127.0.0.1:9" }, closed({ requests: 1000 }), {
      giveUpAfterFailures: 6,
    });
    expect(outcome.stopped).toBe("failures");
    expect(outcome.requests.failed).toBe(6);
    expect(records.length).toBeLessThanOrEqual(8);
  });
});

describe("what the caller gives", () => {
  it("may be a load that cannot be made: refused", async () => {
    const server = await serve(stream);
    await expect(run(server, closed({}))).rejects.toMatchObject({ code: "LOAD_SETTING" });
  });

  it.each<[string, Partial<MeasureOptions>]>([
    ["requests", { requests: (i) => (i === 3 ? fail("no request") : anyRequest) }],
    ["the transport", { requests: () => ({ ...anyRequest, headers: { "no request": "" } }) }],
    ["the recorder", { recorder: { write: ({ i }) => (i === 3 ? fail("no room") : undefined) } }],
    ["the progress", { onProgress: () => fail("no screen") }],
  ])("may throw: %s ends the measurement with that error, nothing left in flight", async (_what, options) => {
    const server = await serve((response, index) => index < 6 && stream(response, index));
    await expect(run(server, closed({ requests: 50 }), options)).rejects.toThrow(/no (request|room|screen)/);
    await vi.waitFor(() => expect(server.inFlight).toBe(0));
  });

  it("is told how far it has come", async () => {
    const server = await serve(stream);
    const seen: Progress[] = [];
    await run(server, closed({ requests: 12 }), { onProgress: (progress) => seen.push({ ...progress }) });
    expect(seen.at(-1)).toEqual({
      planned: 12,
      sent: 12,
      done: 12,
      failed: 0,
      inFlight: 0,
      outputTokens: 36,
      chunks: 36,
    });
  });
});

const anyRequest = { method: "POST", path: "/", headers: {}, body: Buffer.from('{"index":0}') } as const;

function fail(message: string): never {
  throw new Error(message);
}

describe("one request", () => {
  it("outside a measurement is answered with its record", async () => {
    const server = await serve(stream);
    const clock = startClock();
    const transport = createTransport({ origin: server.origin, clock });
    open.push(() => transport.close());
    const record = await requestOnce({
      transport,
      clock,
      request: anyRequest,
      timeoutMs: 5000,
      read: { saveText: true },
    });
    expect(record).toMatchObject({
      status: 200,
      finish: "length",
      text: { answer: "request 0!" },
      tokens: { output: 3 },
    });
  });

  it("can be cancelled, at once or later", async () => {
    const server = await serve(() => {});
    const clock = startClock();
    const transport = createTransport({ origin: server.origin, clock });
    open.push(() => transport.close());
    const once = (signal: AbortSignal) =>
      requestOnce({ transport, clock, request: anyRequest, timeoutMs: 5000, signal });
    expect((await once(AbortSignal.abort())).error?.kind).toBe("cancelled");
    const stop = new AbortController();
    const later = once(stop.signal);
    await vi.waitFor(() => expect(server.inFlight).toBe(1));
    stop.abort();
    expect((await later).error?.kind).toBe("cancelled");
  });
});

describe("a precise timer", () => {
  it("never calls before its time, whatever its distance, and not once cancelled", async () => {
    const clock = startClock();
    const startUs = clock.nowUs();
    const early: number[] = [];
    const waits = [0, 1, 300, 999, 1000, 1499, 1501, 2600, 5250, 20_400].map(
      (distance) =>
        new Promise<void>((resolve) => {
          callAt(clock, startUs + distance, () => {
            if (clock.nowUs() < startUs + distance) early.push(distance);
            resolve();
          });
        }),
    );
    let called = false;
    callAt(clock, startUs + 3000, () => (called = true)).cancel();
    callAt(clock, startUs, () => (called = true)).cancel();
    await Promise.all(waits);
    expect(early).toEqual([]);
    expect(called).toBe(false);
  });
});
