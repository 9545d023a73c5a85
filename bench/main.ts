import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { build } from "esbuild";
import { type Server, startServer } from "./bench-server.ts";
import { installPeers, type PeerName, preparePeers, presentPeers, runPeer } from "./peers.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

/**
 * What measuring costs the client: CPU time a chunk of a whole measurement, records written, beside an undici client
 * that only adds up lengths, and beside other load generators where they are installed (`--peers` fetches them). All run
 * in turns, each in a process of its own, against one server that costs next to nothing; the CPU of a run of one request
 * (start-up, loading, first compilation) is taken off.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    scenarios: { type: "string", default: "unthrottled,streams,one,long" },
    peers: { type: "boolean", default: false },
    "without-peers": { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const rounds = Number(values.rounds);

/** Memory of a long run, all answers in one write: whether it stays flat. */
const long = { requests: 100_000, streams: 64, tokens: 100, maxRssMb: 300, growth: 1.2 };

interface ClientRun {
  readonly ok: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly rss: readonly number[];
  readonly maxRssBytes?: number;
  readonly medianTtftMs?: number;
}

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "llmbench-bench-"));

async function bundle(source: URL): Promise<string> {
  const outfile = join(folder, `${basename(source.pathname, ".ts")}.mjs`);
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return outfile;
}

async function runClient(
  script: string,
  kind: "ours" | "bare",
  port: string,
  load: Pick<Scenario, "streams" | "tokens"> & Partial<Pick<Scenario, "ttftMs" | "gapMs">>,
  requests: number,
): Promise<ClientRun> {
  const takesMs = (load.ttftMs ?? 0) + load.tokens * (load.gapMs ?? 0);
  const numbers = [requests, load.streams, load.tokens, takesMs].map(String);
  const { stdout } = await run(process.execPath, [
    script,
    kind,
    port,
    ...numbers,
    join(folder, "requests.ndjson.gz"),
  ]);
  const result = JSON.parse(stdout) as ClientRun;
  if (result.ok !== requests) throw new Error(`${kind}: ${result.ok} of ${requests} requests were answered`);
  return result;
}

function spread(numbers: readonly number[]): { min: number; median: number; max: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (place: number) => sorted[place] ?? Number.NaN;
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) };
}

const shown = ({ min, median, max }: ReturnType<typeof spread>) =>
  [min, median, max].map((number) => number.toPrecision(3)).join(" / ");
const mean = (numbers: readonly number[]) =>
  numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);
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
  const startups = new Map<PeerName, number>();
  const errors: number[] = [];
  const inFlight: number[] = [];
  const add = (name: string, us: number) => costs.set(name, [...(costs.get(name) ?? []), us]);
  for (let round = 0; round < rounds; round++) {
    for (const kind of ["bare", "ours"] as const) {
      const startup = await runClient(client, kind, server.port, scenario, 1);
      await server.counts();
      const full = await runClient(client, kind, server.port, scenario, requests);
      const counts = await server.counts();
      add(kind, ((full.cpuMs - startup.cpuMs) * 1000) / (requests * tokens));
      if (kind === "ours" && scenario.gapMs > 0) {
        errors.push((full.medianTtftMs ?? Number.NaN) - counts.medianTtftMs);
        inFlight.push(counts.mostInFlight);
      }
    }
    for (const name of names) {
      const options = { url: `http://127.0.0.1:${server.port}`, tokens, folder };
      if (!startups.has(name))
        startups.set(name, await runPeer(name, { ...options, streams: 1, requests: 1 }));
      const cpuMs = await runPeer(name, { ...options, streams, requests: peerRequests });
      add(name, ((cpuMs - (startups.get(name) ?? 0)) * 1000) / (peerRequests * tokens));
      await server.counts();
    }
  }
  lines.push("", `${scenario.words}; CPU microseconds a chunk, min / median / max of ${rounds}`);
  const ours = costs.get("ours") ?? [];
  for (const [name, us] of costs) {
    const times =
      name === "ours"
        ? ""
        : `; ours times ${shown(spread(ours.map((one, k) => one / (us[k] ?? Number.NaN))))}`;
    lines.push(
      `  ${name === "bare" ? "bare undici" : name === "ours" ? "llmbench" : name}: ${shown(spread(us))}${times}`,
    );
  }
  const median = (name: string) => spread(costs.get(name) ?? []).median;
  if (scenario.target !== undefined) {
    hold("  llmbench over bare undici", median("ours") / median("bare"), scenario.target.bare);
    for (const name of names)
      hold(`  ${name} over llmbench`, median(name) / median("ours"), scenario.target[name], true);
  }
  if (errors.length > 0) {
    lines.push(`  in flight, at most: ${shown(spread(inFlight))} of ${streams}`);
    hold("  median TTFT, llmbench − server, ms", spread(errors).median, 1);
  }
  results.push({
    scenario,
    usPerChunk: Object.fromEntries([...costs].map(([name, us]) => [name, spread(us)])),
    ttftErrorMs: errors,
    mostInFlight: inFlight,
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

/** From the start of the program to its first request for an answer, ms, and its memory by then. */
async function runStartup(client: string, nullServer: string): Promise<void> {
  const server = await startServer(nullServer, [4, 1000]);
  const main = fileURLToPath(new URL("../dist/llmbench.mjs", import.meta.url));
  const url = `http://127.0.0.1:${server.port}`;
  const words = [
    "bench",
    url,
    "--concurrency",
    "1",
    "--max-tokens",
    "4",
    "--requests",
    "5",
    "--fail-on",
    "never",
  ];
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await server.counts();
    let begunMs = Date.now();
    await runClient(client, "bare", server.port, { streams: 1, tokens: 4 }, 1);
    bare.push((await server.counts()).firstRequestMs - begunMs);
    begunMs = Date.now();
    await run(process.execPath, [
      main,
      ...words,
      "--no-error-bars",
      "--out",
      folder,
      "--id",
      `start-${round}`,
    ]);
    ours.push((await server.counts()).firstRequestMs - begunMs);
  }
  await server.stop();
  lines.push(
    "",
    `Start to first request, ms: bare undici ${shown(spread(bare))}, llmbench bench ${shown(spread(ours))}`,
  );
  hold("  llmbench over bare undici", spread(ours).median / spread(bare).median, 1.5);
  results.push({ startupMs: { bare: spread(bare), ours: spread(ours) } });
}

try {
  if (values.peers) await installPeers();
  const [client, nullServer] = await Promise.all([
    bundle(new URL("./client.ts", import.meta.url)),
    bundle(new URL("./null-server.ts", import.meta.url)),
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
