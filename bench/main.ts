import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Server, type ServerCounts, startServer } from "./bench-server.ts";
import { bundle, runClient } from "./client-run.ts";
import { installPeers, type PeerName, peerNames, preparePeers, presentPeers, runPeer } from "./peers.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { measureStartup } from "./startup.ts";
import { mean, shown, spread } from "./statistics.ts";
import { type TtftError, ttftError } from "./ttft-error.ts";

/**
 * What measuring costs the client: CPU time a chunk of a whole measurement, records written, beside an undici client
 * that only adds up lengths, and beside other load generators where they are installed (`--peers` fetches them). All run
 * in turns, each in a process of its own, against one server that costs next to nothing; the CPU of a run of one request
 * (start-up, loading, first compilation) is taken off.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    scenarios: { type: "string", default: "unthrottled,streams,one,long,startup" },
    peers: { type: "boolean", default: false },
    "without-peers": { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const rounds = Number(values.rounds);

/** Memory of a long run, all answers in one write: whether it stays flat. */
const long = { requests: 100_000, streams: 64, tokens: 100, maxRssMb: 300, growth: 1.2 };

const folder = await mkdtemp(join(tmpdir(), "llmbench-bench-"));

const megabytes = (bytes: number) => bytes / 1e6;

const lines: string[] = [];
const results: object[] = [];
let missed = false;
/** A line that says a figure, what it should be, and whether it is. */
function hold(what: string, value: number, limit: number, atLeast = false): void {
  const met = atLeast ? value >= limit : value <= limit;
  missed ||= !met;
  lines.push(
    `${what}: ${value.toPrecision(3)}, wanted at ${atLeast ? "least" : "most"} ${limit}: ${met ? "met" : "MISSED"}`,
  );
}

async function runScenario(scenario: Scenario, client: string, server: Server, names: readonly PeerName[]) {
  const { streams, tokens, requests, peerRequests } = scenario;
  const costs = new Map<string, number[]>();
  const held = new Map<string, number[]>();
  const startups = new Map<PeerName, number>();
  const errors: TtftError[] = [];
  const add = (name: string, us: number, counts: ServerCounts) => {
    costs.set(name, [...(costs.get(name) ?? []), us]);
    held.set(name, [...(held.get(name) ?? []), counts.mostInFlight]);
  };
  for (let round = 0; round < rounds; round++) {
    for (const kind of ["bare", "ours"] as const) {
      const startup = await runClient(client, kind, server.port, scenario, 1);
      await server.counts();
      const full = await runClient(client, kind, server.port, scenario, requests);
      const counts = await server.counts();
      add(kind, ((full.cpuMs - startup.cpuMs) * 1000) / (requests * tokens), counts);
      if (kind === "ours" && scenario.gapMs > 0) errors.push(ttftError(full.stamps ?? [], counts.stamps));
    }
    for (const name of names) {
      const options = { url: `http://127.0.0.1:${server.port}`, tokens, folder };
      // As many processes as the run itself has: none starts more for more streams than these.
      const atStart = { ...options, streams: Math.min(streams, 64), requests: 1 };
      if (!startups.has(name)) startups.set(name, await runPeer(name, atStart));
      await server.counts();
      const cpuMs = await runPeer(name, { ...options, streams, requests: peerRequests });
      const us = ((cpuMs - (startups.get(name) ?? 0)) * 1000) / (peerRequests * tokens);
      add(name, us, await server.counts());
    }
  }
  report(scenario, costs, held, errors);
}

function report(
  scenario: Scenario,
  costs: ReadonlyMap<string, readonly number[]>,
  held: ReadonlyMap<string, readonly number[]>,
  errors: readonly TtftError[],
): void {
  lines.push("", `${scenario.words}; CPU microseconds a chunk, min / median / max of ${rounds}`);
  const ours = costs.get("ours") ?? [];
  for (const [name, us] of costs) {
    const called = name === "bare" ? "bare undici" : name === "ours" ? "llmbench" : name;
    const ratios = spread(ours.map((one, k) => one / (us[k] ?? Number.NaN)));
    const times = name === "ours" ? "" : `; llmbench times ${shown(ratios)}`;
    const streams = spread(held.get(name) ?? []);
    const inFlight = scenario.gapMs > 0 ? `; ${streams.median} streams held` : "";
    // Start-up takes some of them seconds of CPU, now more, now less: beside it a small load cannot be told.
    const lost = us.some((one) => one <= 0) ? "; less than what start-up varies by" : "";
    lines.push(`  ${called}: ${shown(spread(us))}${lost || times}${inFlight}`);
  }
  if (scenario.target !== undefined) {
    const { bare: atMost, ...atLeast } = scenario.target;
    // Two that ran one after the other had the same neighbours.
    const over = (name: string) =>
      spread((costs.get(name) ?? []).map((us, k) => us / (ours[k] ?? Number.NaN))).median;
    hold("  llmbench over bare undici", 1 / over("bare"), atMost);
    for (const name of peerNames)
      if (costs.has(name)) hold(`  ${name} over llmbench`, over(name), atLeast[name], true);
  }
  if (errors.length > 0) {
    const median = (part: keyof TtftError) => spread(errors.map((error) => error[part])).median;
    const parts = `${median("there").toPrecision(3)} to the server, ${median("back").toPrecision(3)} back`;
    hold("  streams held by llmbench", Math.min(...(held.get("ours") ?? [])), scenario.streams, true);
    hold(`  median TTFT, llmbench − server, ms (${parts})`, median("ttft"), 1);
  }
  results.push({
    scenario,
    usPerChunk: Object.fromEntries([...costs].map(([name, us]) => [name, spread(us)])),
    mostInFlight: Object.fromEntries(held),
    ttftErrorMs: errors,
  });
}

/** A long run: the second quarter of it, when it is warm, beside the last. */
async function runLong(client: string, nullServer: string): Promise<void> {
  const server = await startServer(nullServer, [long.tokens, 1000]);
  const done = await runClient(client, "ours", server.port, long, long.requests);
  await server.stop();
  const quarter = Math.floor(done.rss.length / 4);
  const early = megabytes(mean(done.rss.slice(quarter, 2 * quarter)));
  const late = megabytes(mean(done.rss.slice(-quarter)));
  const maxRssMb = megabytes(done.maxRssBytes ?? Number.NaN);
  lines.push("", `${long.requests} requests in ${(done.wallMs / 1000).toFixed(1)} s`);
  hold("  RSS, MB", maxRssMb, long.maxRssMb);
  hold("  last quarter over second quarter", late / early, long.growth);
  results.push({ long, maxRssMb, earlyMb: early, lateMb: late });
}

/** From the start of the program to its first request for an answer, and its memory. */
async function runStartup(client: string, nullServer: string): Promise<void> {
  const startup = await measureStartup(client, nullServer, folder, rounds);
  const bare = spread(startup.bareMs);
  const ours = spread(startup.oursMs);
  lines.push(
    "",
    `Start to first request, ms, min / median / max of ${rounds}: bare undici ${shown(bare)}, llmbench bench ${shown(ours)}`,
  );
  hold("  llmbench over bare undici", ours.median / bare.median, 1.5);
  hold("  RSS of llmbench bench, MB", spread(startup.oursMb).median, 150);
  results.push({ startup });
}

try {
  if (values.peers) await installPeers();
  const [client, nullServer] = await Promise.all([
    bundle(new URL("./client.ts", import.meta.url), folder),
    bundle(new URL("./null-server.ts", import.meta.url), folder),
  ]);
  const names = values["without-peers"] ? [] : presentPeers();
  if (names.length > 0) await preparePeers(folder);
  const wanted = values.scenarios.split(",");
  const before = loadavg()[0] ?? 0;
  for (const scenario of scenarios.filter(({ name }) => wanted.includes(name))) {
    const { tokens, perWrite, ttftMs, gapMs } = scenario;
    const server = await startServer(nullServer, [tokens, perWrite, ttftMs, gapMs]);
    await runScenario(scenario, client, server, names);
    await server.stop();
  }
  if (wanted.includes("long")) await runLong(client, nullServer);
  if (wanted.includes("startup")) await runStartup(client, nullServer);
  const cores = cpus();
  const machine = `node ${process.version}, ${cores.length} x ${cores[0]?.model ?? "?"}; load average ${before.toFixed(1)} before, ${(loadavg()[0] ?? 0).toFixed(1)} after`;
  process.stdout.write(`${[machine, ...lines, "", missed ? "MISSED" : "met"].join("\n")}\n`);
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ machine, missed, results }, null, 2)}\n`);
  process.exitCode = missed ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
