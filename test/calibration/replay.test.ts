import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Calibrator } from "../../src/calibration/calibrator.ts";
import { NullServer } from "../../src/calibration/null-server-process.ts";
import { replay } from "../../src/calibration/replay.ts";
import { type Trace, traceOf } from "../../src/calibration/trace.ts";
import { type Clock, startClock } from "../../src/load/clock.ts";
import { DelayProbe } from "../../src/load/delay-probe.ts";
import { LoadClients } from "../../src/load/load-clients.ts";
import type { ClientSettings } from "../../src/load/worker-messages.ts";
import { listProcesses } from "../../src/servers/process-table.ts";
import { programPath } from "../program/program.ts";
import { request } from "../results/records.ts";

let command: readonly string[];
let server: NullServer;
const folder = mkdtempSync(join(tmpdir(), "llmbench-replay-"));
beforeAll(async () => {
  command = [process.execPath, await programPath(), "null-server"];
  server = await NullServer.start(command);
});
afterAll(async () => {
  server.stop();
  await clients.close();
  rmSync(folder, { recursive: true });
});

const { signal } = new AbortController();
const body = Buffer.from('{"prompt": "Explain quantum computing in detail"}');
const clients = new LoadClients();
const openClient = async (clock: Clock, settings: ClientSettings) => await clients.open(clock, settings, 1);
const options = { openClient, transportName: "node:net", body, scratchPath: join(folder, "scratch"), signal };

/** Four streams of two answers each, of five reads 10 ms apart; the third read brought two chunks. */
async function smallTrace(): Promise<Trace> {
  const records = Array.from({ length: 8 }, (_, i) => {
    const sent = i < 4 ? i * 3 : 100 + i * 3;
    const at = sent + 20;
    return request(
      { sent, reads: [at, at + 10, { at: at + 20, chunks: 2 }, at + 30, at + 40], end: at + 41 },
      i,
    );
  });
  const trace = await traceOf(
    (async function* () {
      yield* records;
    })(),
    { firstUs: 0, lastUs: 200_000 },
    5_000_000,
  );
  if (trace === undefined) throw new Error("no trace");
  return trace;
}

describe("a replay", () => {
  it("reads every chunk after the null server has written it, and says how long after", async () => {
    const trace = await smallTrace();
    const played = await replay({ server, trace, ...options });
    expect(played).toMatchObject({ streams: 4, chunks: 48, unfinished: 0 });
    expect(played.delaysUs.map((delays) => delays.length)).toEqual(Array.from({ length: 8 }, () => 6));
    expect(played.firstDelaysUs).toHaveLength(8);
    for (const delay of played.delaysUs.flatMap((delays) => Array.from(delays)))
      expect(delay).toBeGreaterThan(0);
    for (const delay of played.sendUs) expect(delay).toBeGreaterThan(0);
    expect(played.writeGapsUs).toHaveLength(32);
    const median = [...played.writeGapsUs].sort((a, b) => a - b)[16];
    // Node's timers count whole milliseconds.
    expect(median).toBeGreaterThan(7000);
    expect(played.cpuMs).toBeGreaterThan(0);
  });

  it("goes the same way through undici, which speaks to servers with TLS", async () => {
    const played = await replay({
      server,
      trace: await smallTrace(),
      ...options,
      transportName: "undici-7.30.2",
    });
    expect(played).toMatchObject({ chunks: 48, unfinished: 0 });
  });

  it("is played by as many workers as measured, each with its share of the streams", async () => {
    const played = await replay({
      server,
      trace: await smallTrace(),
      ...options,
      openClient: async (clock, settings) => await clients.open(clock, settings, 3),
    });
    expect(played).toMatchObject({ streams: 4, chunks: 48, unfinished: 0 });
    for (const delay of played.delaysUs.flatMap((delays) => Array.from(delays)))
      expect(delay).toBeGreaterThan(0);
    for (const delay of played.sendUs) expect(delay).toBeGreaterThan(0);
  });

  it("leaves no file", () => {
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("the null server", () => {
  it("ends when the one who started it lets go of it", async () => {
    const other = await NullServer.start(command);
    expect(other.alive).toBe(true);
    const { pid } = other;
    other.stop();
    const isThere = () => listProcesses().some((one) => one.pid === pid);
    await expect.poll(isThere, { timeout: 10_000 }).toBe(false);
  });

  it("is told apart from a program that is none, and costs only the error bars", async () => {
    const troubles: string[] = [];
    const calibrator = new Calibrator({
      command: [process.execPath, "-e", "process.exit(3)"],
      onTrouble: (why) => troubles.push(why),
    });
    expect(await calibrator.stampsPort()).toBeUndefined();
    expect(await calibrator.stampsPort()).toBeUndefined();
    expect(troubles).toEqual(["the null server has ended"]);
  });

  it("sends stamps to the probe, which reads them after they were written", async () => {
    const calibrator = new Calibrator({ command, onTrouble: (why) => expect.fail(why) });
    const clock = startClock();
    const probe = await DelayProbe.open((await calibrator.stampsPort()) ?? 0, clock);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { readUs, delaysUs } = probe.close();
    calibrator.close();
    expect(delaysUs.length).toBeGreaterThan(5);
    expect(readUs).toHaveLength(delaysUs.length);
    expect(Math.min(...delaysUs)).toBeGreaterThan(0);
    expect(readUs.at(-1)).toBeLessThan(clock.nowUs());
  });
});
