import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { build } from "esbuild";

/**
 * What measuring costs the client: CPU time a chunk of a whole measurement, records written, beside an undici client
 * that only adds lengths. Both run in turns, each in a process of its own, against a server that answers at once; the
 * CPU of a run of one request (start-up, loading, first compilation) is taken off.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "10000" },
    "in-flight": { type: "string", default: "64" },
    long: { type: "string", default: "100000" },
    json: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const inFlight = Number(values["in-flight"]);
const longRequests = Number(values.long);
const chunks = 100;
const targets = { ratio: 3, rssMb: 300 };

interface ClientRun {
  readonly ok: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly rss: readonly number[];
  readonly maxRssBytes?: number;
}

const scenarios = [
  { name: "an answer a write", perWrite: 1000 },
  { name: "ten chunks a write", perWrite: 10 },
  { name: "a chunk a write", perWrite: 1 },
] as const;

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

async function startServer(
  script: string,
  perWrite: number,
): Promise<{ port: string; server: ChildProcess }> {
  const server = spawn(process.execPath, [script, `${chunks}`, `${perWrite}`], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [port] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), "line")) as [
    string,
  ];
  return { port, server };
}

async function runClient(
  script: string,
  kind: "ours" | "bare",
  port: string,
  count: number,
): Promise<ClientRun> {
  const args = [script, kind, port, `${count}`, `${inFlight}`, join(folder, "requests.ndjson.gz")];
  const { stdout } = await run(process.execPath, args);
  const result = JSON.parse(stdout) as ClientRun;
  if (result.ok !== count) throw new Error(`${kind}: ${result.ok} of ${count} requests were answered`);
  return result;
}

/** CPU microseconds a chunk, without start-up. */
async function costOf(
  script: string,
  kind: "ours" | "bare",
  port: string,
): Promise<{ us: number; full: ClientRun }> {
  const startup = await runClient(script, kind, port, 1);
  const full = await runClient(script, kind, port, requests);
  return { us: ((full.cpuMs - startup.cpuMs) * 1000) / (requests * chunks), full };
}

function spread(numbers: readonly number[]): { min: number; median: number; max: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (place: number) => sorted[place] ?? Number.NaN;
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) };
}

const megabytes = (bytes: number) => bytes / 1e6;
const shown = ({ min, median, max }: ReturnType<typeof spread>, digits: number) =>
  [min, median, max].map((number) => number.toFixed(digits)).join(" / ");

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);
}

try {
  const [client, nullServer] = await Promise.all([
    bundle(new URL("./client.ts", import.meta.url)),
    bundle(new URL("./null-server.ts", import.meta.url)),
  ]);
  const results = [];
  for (const { name, perWrite } of scenarios) {
    const { port, server } = await startServer(nullServer, perWrite);
    const bare: number[] = [];
    const ours: number[] = [];
    const rss: number[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push((await costOf(client, "bare", port)).us);
      const { us, full } = await costOf(client, "ours", port);
      ours.push(us);
      rss.push(megabytes(full.maxRssBytes ?? Number.NaN));
    }
    const ratio = spread(ours.map((us, round) => us / (bare[round] ?? Number.NaN)));
    results.push({ name, bareUs: spread(bare), oursUs: spread(ours), ratio, maxRssMb: Math.max(...rss) });
    if (perWrite === scenarios[0].perWrite) {
      const long = await runClient(client, "ours", port, longRequests);
      // Once warm: the second quarter of the run beside the last.
      const quarter = Math.floor(long.rss.length / 4);
      const early = megabytes(mean(long.rss.slice(quarter, 2 * quarter)));
      const late = megabytes(mean(long.rss.slice(-quarter)));
      results.push({
        name: `${longRequests} requests`,
        earlyMb: early,
        lateMb: late,
        maxRssMb: megabytes(long.maxRssBytes ?? Number.NaN),
        wallSeconds: long.wallMs / 1000,
      });
    }
    const gone = once(server, "exit");
    server.disconnect();
    await gone;
  }

  const cores = cpus();
  const lines = [
    `${requests} requests of ${chunks} chunks, ${inFlight} in flight, ${rounds} rounds; node ${process.version}, ${cores.length} x ${cores[0]?.model ?? "?"}`,
    "CPU microseconds a chunk, min / median / max",
    "",
    "server sends            bare undici           llmbench              times                 RSS MB",
  ];
  let missed = false;
  for (const result of results) {
    missed ||= result.maxRssMb > targets.rssMb;
    if (result.ratio === undefined) {
      lines.push(
        `${result.name.padEnd(24)}RSS ${result.earlyMb.toFixed(0)} MB in the second quarter, ${result.lateMb.toFixed(0)} MB in the last, at most ${result.maxRssMb.toFixed(0)} MB; ${result.wallSeconds.toFixed(1)} s`,
      );
      continue;
    }
    missed ||= result.ratio.median > targets.ratio;
    lines.push(
      `${result.name.padEnd(24)}${shown(result.bareUs, 2).padEnd(22)}${shown(result.oursUs, 2).padEnd(22)}${shown(result.ratio, 2).padEnd(22)}${result.maxRssMb.toFixed(0)}`,
    );
  }
  lines.push(
    "",
    `wanted: at most ${targets.ratio} times bare undici, RSS under ${targets.rssMb} MB: ${missed ? "MISSED" : "met"}`,
  );
  process.stdout.write(`${lines.join("\n")}\n`);
  if (values.json !== undefined) {
    await writeFile(
      values.json,
      `${JSON.stringify({ requests, chunks, inFlight, rounds, node: process.version, targets, missed, results }, null, 2)}\n`,
    );
  }
  process.exitCode = missed ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
