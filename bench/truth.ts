import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Calibrator } from "../src/calibration/calibrator.ts";
import { quantile } from "../src/results/statistics.ts";
import {
  type JudgedStatistic,
  measureAgainstTruth,
  startStampingServer,
  type TruthMeasurement,
  type TruthScenario,
} from "./truth-measurement.ts";

/**
 * Whether the client's error bars hold: statistics as llmbench prints them beside the same of a server that stamps each
 * chunk as it writes it. `--runs` runs of `--rounds` measurements of each scenario; as in a real run, one replay a run
 * and scenario, after its first measurement.
 */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    streams: { type: "string", default: "1,64,256,1000" },
    json: { type: "string" },
  },
});
const scenarios: readonly TruthScenario[] = [
  { streams: 1, tokens: 24, requests: 16, decodeMs: 10 },
  { streams: 64, tokens: 32, requests: 320, decodeMs: 20 },
  { streams: 256, tokens: 24, requests: 1024, decodeMs: 30 },
  { streams: 1000, tokens: 16, requests: 3200, decodeMs: 60 },
];
const wanted = values.streams.split(",").map(Number);
/** From the sources, under the loader that runs this. */
const llmbench = [
  process.execPath,
  ...process.execArgv,
  fileURLToPath(new URL("../src/cli/main.ts", import.meta.url)),
];
/** Of every 60, as the design wants it. */
const coverage = 53 / 60;
const tightMs = 0.5;

interface Row {
  readonly scenario: TruthScenario;
  readonly measurements: TruthMeasurement[];
}

const rows: Row[] = scenarios
  .filter(({ streams }) => wanted.includes(streams))
  .map((scenario) => ({ scenario, measurements: [] }));
const loads: number[] = [];
for (let run = 0; run < Number(values.runs); run++) {
  const calibrator = new Calibrator({
    command: [...llmbench, "null-server"],
    onTrouble: (why) => process.stderr.write(`${why}\n`),
  });
  for (const { scenario, measurements } of rows) {
    const server = await startStampingServer(llmbench, scenario);
    try {
      for (let round = 0; round < Number(values.rounds); round++) {
        const measured = await measureAgainstTruth(server.url, scenario, calibrator, `${scenario.streams}`);
        measurements.push(measured);
        loads.push(loadavg()[0] as number);
        process.stderr.write(
          `${scenario.streams} streams: ${measured.judged.map((one) => `${one.name} ${one.error.toFixed(3)} ± ${one.bar.toFixed(3)}`).join("; ")}\n`,
        );
      }
    } finally {
      await server.stop();
    }
  }
  calibrator.close();
}

const covers = ({ error, bar }: JudgedStatistic) => Math.abs(error) <= bar;
const ms = (value: number) => value.toFixed(value < 10 ? 3 : 1);
const median = (numbers: readonly number[]) => quantile(Float64Array.from(numbers).sort(), 0.5);
const span = (numbers: readonly number[]) =>
  [Math.min(...numbers), median(numbers), Math.max(...numbers)].map(ms).join(" / ");

const cores = cpus();
const lines = [
  `${cores.length} x ${cores[0]?.model ?? "?"}, node ${process.version}; load average ${span(loads)}`,
  "",
  "Chunk times, read − written, ms (all measurements together)",
  "",
  "| streams | chunks | earliest | p5 | p50 | p90 | p99 | latest | sent to received, p50 |",
  "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  ...rows.map(({ scenario, measurements }) => {
    const all = Float64Array.from(measurements.flatMap((one) => Array.from(one.chunkErrorsMs))).sort();
    const shares = [0, 0.05, 0.5, 0.9, 0.99, 1].map((share) => ms(quantile(all, share)));
    return `| ${scenario.streams} | ${all.length} | ${shares.join(" | ")} | ${ms(median(measurements.map((one) => one.sendToReceiptMs)))} |`;
  }),
  "",
  "Statistics, min / median / max of the measurements, ms",
  "",
  "| streams | statistic | as printed | error, absolute | bar | covered |",
  "| ---: | --- | ---: | ---: | ---: | ---: |",
  ...rows.flatMap(({ scenario, measurements }) => {
    const all = measurements.flatMap(({ judged }) => judged);
    return [...new Set(all.map(({ name }) => name))].map((name) => {
      const of = all.filter((one) => one.name === name);
      return `| ${scenario.streams} | ${name} | ${span(of.map(({ value }) => value))} | ${span(of.map(({ error }) => Math.abs(error)))} | ${span(of.map(({ bar }) => bar))} | ${of.filter(covers).length} of ${of.length} |`;
    });
  }),
];
const all = rows.flatMap(({ measurements }) => measurements);
const names = [...new Set(all.flatMap(({ judged }) => judged.map(({ name }) => name)))];
let met = true;
lines.push("");
for (const name of names) {
  const of = all.flatMap(({ judged }) => judged.filter((one) => one.name === name));
  const held = of.filter(covers).length;
  const enough = held >= Math.floor(of.length * coverage);
  met &&= enough;
  lines.push(
    `${name}: the bar covers the error in ${held} of ${of.length} measurements${enough ? "" : ": too few"}`,
  );
}
const small = rows
  .filter(({ scenario }) => scenario.streams <= 256)
  .flatMap(({ measurements }) => measurements.flatMap(({ judged }) => judged))
  .filter(({ name }) => name.endsWith("p50"));
const tight = small.filter(({ bar }) => bar <= tightMs).length;
const isTight = tight * 2 >= small.length;
met &&= isTight;
lines.push(
  `bars of p50s up to 256 streams: ${tight} of ${small.length} are at most ± ${tightMs} ms${isTight ? "" : ": too few"}`,
  met ? "met" : "MISSED",
);
process.stdout.write(`${lines.join("\n")}\n`);
if (values.json !== undefined) {
  const kept = rows.map(({ scenario, measurements }) => ({
    scenario,
    measurements: measurements.map(({ judged, summary }) => ({ judged, summary })),
  }));
  await writeFile(values.json, `${JSON.stringify({ loads, rows: kept }, null, 1)}\n`);
}
process.exitCode = met ? 0 : 1;
