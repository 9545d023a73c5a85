import { rm } from "node:fs/promises";
import { type Clock, hrtimeUsOf, startClock } from "../load/clock.ts";
import type { ProbeReadings } from "../load/delay-probe.ts";
import type { LoadClient } from "../load/load-client.ts";
import type { RequestRecord } from "../load/record.ts";
import { openRecordWriter } from "../load/record-writer.ts";
import type { ClientSettings } from "../load/worker-messages.ts";
import type { ReplayStamps } from "./messages.ts";
import type { NullServer } from "./null-server-process.ts";
import type { Trace } from "./trace.ts";

/** Between the last thing made ready and the first request. */
const graceUs = 50_000;
/** A client that is so far behind has shown what it cannot do. */
const overtimeMs = 5000;

export interface ReplayOptions {
  readonly server: NullServer;
  readonly trace: Trace;
  /** Makes a client like the one that measured. */
  readonly openClient: (clock: Clock, settings: ClientSettings) => Promise<LoadClient>;
  /** The measurement's own: what it was read with, and a request of it. */
  readonly transportName: string;
  readonly body: Uint8Array;
  /** Records are written there as in a measurement, and removed. */
  readonly scratchPath: string;
  readonly signal: AbortSignal;
}

/** What the client added to times that are known. Microseconds. */
export interface Replay {
  readonly lengthUs: number;
  /** Most connections in use. */
  readonly streams: number;
  readonly chunks: number;
  /**
   * Of each request that began in the slice: from the first text's write to its read, or from its burst's begin to its
   * read as it was recorded, whichever is longer.
   */
  readonly firstDelaysUs: Float64Array;
  /** Of each request: from each chunk's write to its read. */
  readonly delaysUs: readonly Float64Array[];
  /** The same of the probe, meanwhile. */
  readonly probeUs: Float64Array;
  /** From `sent` to when the null server had read the request. */
  readonly sendUs: Float64Array;
  /** Gaps as this client read them and as the null server wrote them, in the same order of requests. */
  readonly readGapsUs: Float64Array;
  readonly writeGapsUs: Float64Array;
  /** CPU time of this process meanwhile, ms. */
  readonly cpuMs: number;
  /** Requests without their whole answer when time was up. */
  readonly unfinished: number;
}

/** Plays a trace to the null server with the client that measured. Rejects with NULL_SERVER, RECORD_WRITE. */
export async function replay(options: ReplayOptions): Promise<Replay> {
  const { server, trace } = options;
  const clock = startClock();
  const client = await options.openClient(clock, {
    transport: { origin: `http://127.0.0.1:${server.port}` },
    // TLS is not spoken to the null server: what deciphering takes is not in what it shows.
    undici: options.transportName.startsWith("undici"),
  });
  let probed: ProbeReadings | undefined;
  try {
    await server.load(trace.script);
    await client.open(trace.lanes.length);
    await client.watchDelays(server.port);
    const startUs = clock.nowUs() + graceUs;
    server.start(startUs + hrtimeUsOf(clock));
    const before = process.cpuUsage();
    const records = await play(options, client, clock, startUs);
    const cpu = process.cpuUsage(before);
    const stamps = await server.stamps();
    probed = await client.close();
    return settle(trace, records, stamps, {
      cpuMs: (cpu.user + cpu.system) / 1000,
      probeUs: probed?.delaysUs ?? new Float64Array(),
      offsetUs: hrtimeUsOf(clock),
    });
  } finally {
    if (probed === undefined) await client.close();
  }
}

async function play(
  { trace, body, scratchPath, signal }: ReplayOptions,
  client: LoadClient,
  clock: Clock,
  startUs: number,
) {
  const writer = await openRecordWriter(scratchPath, {
    schemaVersion: 1,
    point: "replay",
    load: { arrival: "closed", outputTokens: 1 },
    seed: 0,
    clock: { epochMs: clock.epochMs, hrtimeNs: clock.hrtimeNs },
    client: {
      version: "",
      transport: client.transport,
      node: process.versions.node,
      workers: client.workers,
    },
  });
  const records: RequestRecord[] = [];
  const write = (record: RequestRecord) => {
    writer.write(record);
    records.push(record);
  };
  try {
    const { lanes, sentUs, lengthUs } = trace;
    const timeoutMs = lengthUs / 1000 + overtimeMs;
    await client.play({ lanes, sentUs, startUs, body, timeoutMs, recorder: { write }, signal });
    signal.throwIfAborted();
  } finally {
    await writer.abandon();
    await rm(writer.partialPath, { force: true });
  }
  return records;
}

function settle(
  trace: Trace,
  records: readonly RequestRecord[],
  stamps: ReplayStamps,
  seen: { readonly cpuMs: number; readonly probeUs: Float64Array; readonly offsetUs: number },
): Replay {
  const { starts, chunks } = trace.script;
  const delaysUs: Float64Array[] = [];
  const first: number[] = [];
  const send: number[] = [];
  const readGaps: number[] = [];
  const writeGaps: number[] = [];
  let chunkCount = 0;
  for (const record of [...records].sort((a, b) => a.i - b.i)) {
    const { i, sentUs, firstTextUs } = record;
    if (record.error !== undefined || sentUs === undefined || firstTextUs === undefined) continue;
    const written: number[] = [];
    for (let write = starts[i] as number; write < (starts[i + 1] as number); write++) {
      const at = (stamps.writtenUs[write] as number) - seen.offsetUs;
      if (written.length > 0) writeGaps.push(at - (written.at(-1) as number));
      for (let k = 0; k < (chunks[write] as number); k++) written.push(at);
    }
    const delays = new Float64Array(written.length);
    let at = firstTextUs;
    let chunk = 0;
    for (const [k, gap] of record.reads.gapsUs.entries()) {
      at += gap;
      if (k > 0) readGaps.push(gap);
      for (let left = record.reads.chunks[k] as number; left > 0; left--, chunk++)
        delays[chunk] = at - (written[chunk] ?? Number.NaN);
    }
    delaysUs.push(delays);
    chunkCount += chunk;
    if (trace.whole[i] === true) first.push(Math.max(delays[0] as number, trace.firstWaitedUs[i] as number));
    send.push((stamps.receivedUs[i] as number) - seen.offsetUs - sentUs);
  }
  return {
    lengthUs: trace.lengthUs,
    streams: trace.lanes.length,
    chunks: chunkCount,
    firstDelaysUs: Float64Array.from(first),
    delaysUs,
    probeUs: seen.probeUs,
    sendUs: Float64Array.from(send),
    readGapsUs: Float64Array.from(readGaps),
    writeGapsUs: Float64Array.from(writeGaps),
    cpuMs: seen.cpuMs,
    unfinished: trace.sentUs.length - delaysUs.length,
  };
}
