import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startClock } from "../../src/load/clock.ts";
import { LoadClients } from "../../src/load/load-clients.ts";
import { LoadWorker } from "../../src/load/load-worker.ts";
import type { MeasurementOutcome, MeasureOptions } from "../../src/load/measurement.ts";
import type { LoadSetting, RequestRecord } from "../../src/load/record.ts";
import { arrivals } from "../../src/load/schedule.ts";
import { ownRequests, ownStreams, requestOrder, streamCount } from "../../src/load/share.ts";
import { ThreadedClient } from "../../src/load/threaded-client.ts";
import { workerCode } from "../../src/load/worker-code.ts";
import { expectConsistent } from "./answers.ts";

describe("shares of a load", () => {
  const loads = fc.record({
    arrival: fc.constantFrom("closed" as const, "constant" as const),
    concurrency: fc.integer({ min: 1, max: 40 }),
    requests: fc.integer({ min: 1, max: 200 }),
    workers: fc.integer({ min: 1, max: 12 }),
  });

  it("deal out each request once, in order, with as many to each worker as it is told", () => {
    fc.assert(
      fc.property(loads, ({ workers, requests, concurrency, arrival }) => {
        const load: LoadSetting = { arrival, concurrency, requests, outputTokens: 1 };
        const dealt = Array.from({ length: workers }, (_, worker) => {
          const order = requestOrder(load, { worker, workers });
          const own: number[] = [];
          for (let n = 0; order(n) < requests; n++) own.push(order(n));
          expect(own).toEqual([...own].sort((a, b) => a - b));
          expect(own).toHaveLength(ownRequests(load, { worker, workers }, requests));
          return own;
        });
        expect(dealt.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: requests }, (_, i) => i));
      }),
    );
  });

  it("have all streams once, and no worker two more than another", () => {
    fc.assert(
      fc.property(loads, ({ workers, requests, concurrency }) => {
        const load: LoadSetting = { arrival: "closed", concurrency, requests, outputTokens: 1 };
        const own = Array.from({ length: workers }, (_, worker) => ownStreams(load, { worker, workers }));
        expect(own.flat()).toHaveLength(streamCount(load));
        const lengths = own.map((streams) => streams.length);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("several workers", () => {
  const clients = new LoadClients();
  let inFlight = 0;
  let mostInFlight = 0;
  let delayMs = 5;
  const asked: number[] = [];
  const event = (json: object) => `data: ${JSON.stringify(json)}\n\n`;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      const { index } = JSON.parse(body) as { index: number };
      asked.push(index);
      if (index < 0) {
        response.writeHead(500).end("no");
        return;
      }
      inFlight++;
      mostInFlight = Math.max(mostInFlight, inFlight);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(event({ choices: [{ index: 0, delta: { content: "one" }, finish_reason: null }] }));
      response.once("close", () => inFlight--);
      setTimeout(() => {
        response.write(event({ choices: [{ index: 0, delta: { content: " two" }, finish_reason: "stop" }] }));
        response.end(event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }));
      }, delayMs);
    });
  });
  let origin = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await clients.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });

  const requests: MeasureOptions["requests"] = (i) => ({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify({ index: i })),
  });

  async function run(
    workers: number,
    load: LoadSetting,
    options: Partial<MeasureOptions> = {},
  ): Promise<{ outcome: MeasurementOutcome; records: RequestRecord[]; startUs: number; endUs: number }> {
    inFlight = 0;
    mostInFlight = 0;
    asked.length = 0;
    const records: RequestRecord[] = [];
    const clock = startClock();
    const client = await clients.open(clock, { transport: { origin } }, workers);
    try {
      await client.open(Math.min(4, load.concurrency ?? 4));
      const startUs = clock.nowUs();
      const outcome = await client.measure({
        load,
        requests,
        seed: 7,
        timeoutMs: 20_000,
        recorder: { write: (record) => void records.push(record) },
        ...options,
      });
      return { outcome, records, startUs, endUs: clock.nowUs() };
    } finally {
      await client.close();
    }
  }

  const numbers = (records: readonly RequestRecord[]) => records.map(({ i }) => i).sort((a, b) => a - b);
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

  it("carry a closed loop together: each request once, by one clock, and no more at a time than asked for", async () => {
    const load = { arrival: "closed", concurrency: 8, requests: 400, outputTokens: 2 } as const;
    const { outcome, records, startUs, endUs } = await run(3, load);
    expect(numbers(records)).toEqual(upTo(400));
    expect([...asked].sort((a, b) => a - b)).toEqual(upTo(400));
    expect(mostInFlight).toBeLessThanOrEqual(8);
    expect(new Set(records.map(({ worker }) => worker))).toEqual(new Set([0, 1, 2]));
    expect(outcome.requests).toEqual({ planned: 400, ok: 400, failed: 0, timedOut: 0, cancelled: 0 });
    expect(outcome.stopped).toBe("complete");
    expect(outcome.instrument.chunks).toBe(800);
    for (const record of records) {
      expectConsistent(record);
      expect(record.sentUs).toBeGreaterThan(startUs);
      expect(record.endUs).toBeLessThan(endUs);
      expect(record.tokens.output).toBe(2);
    }
    expect(outcome.firstSentUs).toBe(Math.min(...records.map(({ sentUs = 0 }) => sentUs)));
    expect(outcome.lastEndUs).toBe(Math.max(...records.map((record) => record.endUs)));
  });

  it("keep an open loop's schedule to the microsecond, whoever sends what", async () => {
    const load = { arrival: "poisson", ratePerSecond: 200, requests: 60, outputTokens: 2 } as const;
    const { outcome, records } = await run(4, load);
    const due = arrivals(load, 7);
    const wanted = upTo(60).map(() => due.next().value);
    const scheduled = [...records].sort((a, b) => a.i - b.i).map((record) => record.scheduledUs);
    for (const [i, us] of scheduled.entries())
      expect(Math.abs(us - outcome.startUs - (wanted[i] as number))).toBeLessThanOrEqual(1);
    for (const { scheduledUs, sentUs } of records) expect(sentUs).toBeGreaterThanOrEqual(scheduledUs);
  });

  it("share a cap on requests in flight", async () => {
    const load = {
      arrival: "constant",
      ratePerSecond: 2000,
      maxConcurrency: 5,
      requests: 120,
      outputTokens: 2,
    } as const;
    const { records } = await run(2, load);
    expect(numbers(records)).toEqual(upTo(120));
    expect(mostInFlight).toBeLessThanOrEqual(5);
  });

  it("end by time as one does", async () => {
    const load = { arrival: "closed", concurrency: 4, durationSeconds: 0.3, outputTokens: 2 } as const;
    const { outcome, records } = await run(2, load);
    expect(outcome.requests.planned).toBe(records.length);
    expect(outcome.requests.ok).toBe(records.length);
    expect(records.length).toBeGreaterThan(4);
  });

  it("all send no more when there is enough, let what is in flight finish, and are ready for the next load", async () => {
    const load = {
      arrival: "closed",
      concurrency: 6,
      requests: 100_000,
      durationSeconds: 60,
      precision: 0.1,
      outputTokens: 2,
    } as const;
    for (const most of [50, 80]) {
      let seen = 0;
      const { outcome, records } = await run(3, load, { enough: () => ++seen === most });
      expect(seen).toBe(most);
      expect(records.length).toBeGreaterThanOrEqual(most);
      expect(records.length).toBeLessThan(20_000);
      expect(outcome.stopped).toBe("complete");
      expect(outcome.requests).toMatchObject({ planned: records.length, ok: records.length, cancelled: 0 });
    }
  });

  it("all stop when one who may says so, and record what they cancelled", async () => {
    delayMs = 60_000;
    const stop = new AbortController();
    const load = { arrival: "closed", concurrency: 6, requests: 50, outputTokens: 2 } as const;
    const running = run(3, load, { signal: stop.signal });
    await expect.poll(() => asked.length, { timeout: 20_000 }).toBe(6);
    stop.abort();
    const { outcome, records } = await running;
    delayMs = 5;
    expect(outcome.stopped).toBe("aborted");
    expect(records.map(({ error }) => error?.kind)).toEqual(Array.from({ length: 6 }, () => "cancelled"));
  });

  it("give up when too many in a row have failed, whoever's they were", async () => {
    const load = { arrival: "closed", concurrency: 4, requests: 4000, outputTokens: 2 } as const;
    const { outcome } = await run(2, load, { giveUpAfterFailures: 8, requests: () => requests(-1) });
    expect(outcome.stopped).toBe("failures");
    expect(outcome.requests.ok).toBe(0);
  });

  it("pass on what the source of requests or the recorder throws", async () => {
    const load = { arrival: "closed", concurrency: 4, requests: 400, outputTokens: 2 } as const;
    const dry: MeasureOptions["requests"] = (i) => {
      if (i >= 200) throw new Error("the data set ends here");
      return requests(i);
    };
    await expect(run(2, load, { requests: dry })).rejects.toThrow("the data set ends here");
    const full = {
      write: () => {
        throw new Error("the disk is full");
      },
    };
    await expect(run(2, load, { recorder: full })).rejects.toThrow("the disk is full");
    expect((await run(2, load)).outcome.requests.ok).toBe(400);
  });

  it("leave what the others have recorded when one dies, and say that it did", async () => {
    const code = await workerCode();
    const mortal = `
      const { parentPort } = require("node:worker_threads");
      parentPort.on("message", ({ kind }) => {
        if (kind === "measure") process.exit(3);
        if (kind !== "requests" && kind !== "stop") parentPort.postMessage({ kind: "done", answer: { transport: "" } });
      });`;
    const workers = [new LoadWorker(code), new LoadWorker(mortal)];
    const clock = startClock();
    const client = await ThreadedClient.begin(workers, clock, { transport: { origin } });
    const measured = client.measure({
      load: { arrival: "closed", concurrency: 4, requests: 40_000, outputTokens: 2 },
      requests,
      seed: 1,
      timeoutMs: 20_000,
      recorder: { write: () => {} },
    });
    await expect(measured).rejects.toMatchObject({ code: "LOAD_WORKER" });
    await expect(measured).rejects.toThrow("it ended with status 3");
    await client.close();
    expect(workers.map(({ alive }) => alive)).toEqual([true, false]);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});
