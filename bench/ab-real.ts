import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openRun, type RunFolder } from "../src/results/run-folder.ts";
import type { AbResult } from "../src/results/schema/ab.ts";
import { allowedMs, tpotByBothClocks } from "./server-clock.ts";

/**
 * `llmbench ab` on real llama.cpp, to be left alone on a quiet machine: the same setting twice, again and again, which may
 * raise an alarm in few runs; and one thread against two, where our TPOT difference is held against the server's own
 * clock. What is there of an earlier start is kept and gone on with.
 */
const { values } = parseArgs({
  options: {
    same: { type: "string", default: "20" },
    threads: { type: "string", default: "10" },
    pairs: { type: "string", default: "6" },
    requests: { type: "string", default: "10" },
    tokens: { type: "string", default: "32" },
    out: { type: "string", default: "runs/ab-real" },
  },
});
/** Of 20 runs; more than a test that errs in 5 % has in 98 of 100 such series. */
const mostAlarms = 3;
const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** A config of two variants with so many threads, whose blocks are drawn by the run's number. */
function configOf(name: string, threads: readonly [number, number], seed: number): string {
  const engine = (count: number) =>
    `{ kind: llamacpp, settings: { threads: ${count}, maxConcurrentRequests: 1, contextLength: 1024 } }`;
  return `name: ${name}
engines:
  a: ${engine(threads[0])}
  b: ${engine(threads[1])}
models: { smollm2-135m: { package: smollm2-135m } }
failOn: never
load:
  seed: ${seed}
  warmup: 2
  blocks: [{ name: one-user, outputTokens: ${values.tokens}, requests: ${values.requests} }]
`;
}

/** Runs what is not done of one A/B; its folder and what it found. */
async function compare(
  name: string,
  threads: readonly [number, number],
  seed: number,
): Promise<{ readonly run: RunFolder; readonly ab: AbResult }> {
  const found = existsSync(join(values.out, name, "run.json")) ? await resultOf(name) : "nothing";
  if (typeof found === "object") return found;
  const config = join(values.out, `${name}.yaml`);
  await mkdir(values.out, { recursive: true });
  await writeFile(config, configOf(name, threads, seed));
  const words = found === "begun" ? ["--resume", name] : [config, "--id", name, "--pairs", values.pairs];
  const program = spawn(
    process.execPath,
    ["--import", "tsx", main, "ab", ...words, "--out", values.out, "--json"],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  await once(program, "close");
  const ended = await resultOf(name);
  if (typeof ended === "object") return ended;
  throw new Error(`${name} was not measured to its end (status ${program.exitCode}): start this again`);
}

/** What a run found, if all its pairs are measured. */
async function resultOf(name: string): Promise<{ run: RunFolder; ab: AbResult } | "begun"> {
  const run = await openRun(name, values.out);
  const results = await run.readResults();
  const ab = results.found ? results.value.ab : undefined;
  return ab !== undefined && ab.comparisons.length > 0 ? { run, ab } : "begun";
}

const nameOf = (kind: string, index: number) => `${kind}-${String(index + 1).padStart(2, "0")}`;
const print = (line: string) => process.stdout.write(`${line}\n`);
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

print("the same setting twice: findings, largest difference, smallest corrected p, smallest TPOT seen");
let alarms = 0;
for (let index = 0; index < Number(values.same); index++) {
  const { ab } = await compare(nameOf("same", index), [1, 1], index + 1);
  const findings = ab.comparisons.filter(({ finding }) => finding !== "no-difference-shown");
  if (findings.length > 0) alarms++;
  const largest = Math.max(...ab.comparisons.map(({ difference }) => Math.abs(difference)));
  const tpot = ab.comparisons.find(({ metric }) => metric === "tpotMs.mean");
  print(
    [
      nameOf("same", index),
      findings.map(({ title }) => title).join(", ") || "none",
      percent(largest),
      Math.min(...ab.comparisons.map(({ pHolm }) => pHolm)).toFixed(3),
      percent(tpot?.smallestSeen ?? Number.NaN),
    ].join("  "),
  );
}
const allowed = Math.ceil((mostAlarms * Number(values.same)) / 20);
print(`alarms: ${alarms} of ${values.same} (at most ${allowed})\n`);

print("one thread against two, TPOT ms: ours A, B, B - A; the server's own; apart, allowed; finding");
let agree = 0;
for (let index = 0; index < Number(values.threads); index++) {
  const { run, ab } = await compare(nameOf("threads", index), [1, 2], index + 1);
  const tpot = ab.comparisons.find(({ metric }) => metric === "tpotMs.mean");
  if (tpot === undefined) throw new Error(`${run.id} compares no TPOT`);
  const { ours, servers } = await tpotByBothClocks(run, ab, tpot);
  const apart = Math.abs(ours.difference - servers.difference);
  if (apart <= allowedMs(servers)) agree++;
  print(
    [
      nameOf("threads", index),
      ...[ours, servers].map(({ a, b, difference }) =>
        [a, b, difference].map((ms) => ms.toFixed(3)).join(" "),
      ),
      apart.toFixed(3),
      allowedMs(servers).toFixed(3),
      tpot.finding,
    ].join("  "),
  );
}
print(`within 1 % + 0.1 ms of the server's own clock: ${agree} of ${values.threads}`);
process.exitCode = alarms <= allowed && agree === Number(values.threads) ? 0 : 1;
