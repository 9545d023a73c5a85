import { startClock } from "../../src/load/clock.ts";
import { createTransport } from "../../src/load/create-transport.ts";
import { measure } from "../../src/load/generator.ts";
import type { MeasurementOutcome, MeasureOptions } from "../../src/load/measurement.ts";
import type { LoadSetting, RequestRecord } from "../../src/load/record.ts";
import type { TransportOptions } from "../../src/load/transport.ts";

export interface SimulatedRun {
  readonly outcome: MeasurementOutcome;
  /** By request number. */
  readonly records: readonly RequestRecord[];
  /** Microseconds of `process.hrtime` at the records' time 0: what the simulator's truth counts from. */
  readonly clockStartUs: number;
}

/** Puts a load on a simulator. Request i says so in its x-request-id, by which the truth is found. */
export async function runAgainst(
  url: string,
  load: LoadSetting,
  api: "chat" | "completions",
  more: Partial<MeasureOptions> & {
    transport?: never;
    body?: object;
    connections?: Partial<TransportOptions>;
  } = {},
): Promise<SimulatedRun> {
  const { body: extra, connections, ...options } = more;
  const prompt = (i: number) => `Question ${i}: explain quantum computing in detail`;
  const asked = (i: number) =>
    api === "chat" ? { messages: [{ role: "user", content: prompt(i) }] } : { prompt: prompt(i) };
  const clock = startClock();
  const cap = load.concurrency ?? load.maxConcurrency;
  const transport = createTransport({
    origin: url,
    clock,
    ...(cap !== undefined && { maxConnections: cap }),
    ...connections,
  });
  await transport.open(cap ?? 1);
  const records: RequestRecord[] = [];
  try {
    const outcome = await measure({
      transport,
      requests: (i) => ({
        method: "POST",
        path: api === "chat" ? "/v1/chat/completions" : "/v1/completions",
        headers: { "content-type": "application/json", "x-request-id": `${i}` },
        body: Buffer.from(
          JSON.stringify({
            model: "simulated",
            ...asked(i),
            max_tokens: load.outputTokens,
            temperature: 0,
            stream: true,
            stream_options: { include_usage: true },
            ...extra,
          }),
        ),
      }),
      load,
      seed: 1,
      clock,
      timeoutMs: 30_000,
      recorder: { write: (record) => records.push(record) },
      read: { saveText: true, maxTokens: load.outputTokens },
      ...options,
    });
    records.sort((a, b) => a.i - b.i);
    return { outcome, records, clockStartUs: Number(BigInt(clock.hrtimeNs) / 1000n) };
  } finally {
    await transport.close();
  }
}
