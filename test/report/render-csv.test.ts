import { describe, expect, it } from "vitest";
import { renderCsv } from "../../src/report/render-csv.ts";
import { HOSTILE, hostileRun, localRun, simulatedRun, troubledRun } from "../fixtures/runs.ts";
import { ALL_RUNS } from "./all-runs.ts";

/** RFC 4180, read by its grammar. */
function parseCsv(text: string): readonly Readonly<Record<string, string>>[] {
  const rows: string[][] = [[]];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "\r\n") rows.push([]);
  }
  rows.pop();
  const [head = [], ...body] = rows;
  return body.map((row) => {
    expect(row).toHaveLength(head.length);
    return Object.fromEntries(head.map((name, i) => [name, row[i] ?? ""]));
  });
}

describe("renderCsv", () => {
  it.each(ALL_RUNS)("has a row for each point and each measurement of %s", (_, make) => {
    const run = make();
    const points = run.cells.flatMap((cell) => cell.points);
    const { points: table, measurements } = renderCsv(run);
    expect(parseCsv(table)).toHaveLength(points.length);
    expect(parseCsv(measurements)).toHaveLength(points.flatMap((point) => point.measurements).length);
  });

  it("gives back every number as it is in results.json", () => {
    const run = simulatedRun();
    const rows = parseCsv(renderCsv(run).points);
    const points = run.cells.flatMap((cell) => cell.points.map((point) => ({ cell, point })));
    for (const [i, { cell, point }] of points.entries()) {
      const row = rows[i] ?? {};
      const { metrics } = point;
      expect([row["cell"], row["point"], row["verdict"]]).toEqual([cell.id, point.id, point.verdict.status]);
      expect(Number(row["ttft_mean_ms"])).toBe(metrics?.ttftMs.mean);
      expect(Number(row["tpot_p50_high_ms"])).toBe(metrics?.tpotMs.intervals.p50?.[1]);
      expect(Number(row["output_tokens_per_second"])).toBe(metrics?.outputTokensPerSecond?.value);
      expect(Number(row["concurrency"])).toBe(point.load.concurrency);
      expect(row["simulated"]).toBe("true");
    }
  });

  it("gives back names with commas, quotes and line ends", () => {
    const [row] = parseCsv(renderCsv(hostileRun()).points);
    expect(row?.["variant"]).toBe(`llamacpp-1slot${HOSTILE}`);
    expect(row?.["engine_version"]).toBe(HOSTILE);
  });

  it("leaves empty what there is not, never a zero", () => {
    const row = parseCsv(renderCsv(troubledRun()).points).find((each) => each["verdict"] === "invalid");
    expect(row).toMatchObject({
      ttft_mean_ms: "",
      output_tokens_per_second: "",
      verdict_reasons: "failed-requests",
      requests_failed: "3",
    });
  });

  it("names the unit of every number", () => {
    const [head = ""] = renderCsv(localRun()).measurements.split("\r\n");
    const units =
      /(_ms|_seconds|_per_second(_full_run)?(_low|_high)?|_per_user|_share(_low|_high)?|_tokens_\w+|_count|requests_\w+|connections_\w+|_cores|_bytes)$/;
    const plain = new Set(
      "run simulated cell variant engine engine_version model precision hardware block point arrival concurrency max_concurrency repetition deployment instance seed verdict verdict_reasons verdict_notes".split(
        " ",
      ),
    );
    expect(head.split(",").filter((name) => !plain.has(name) && !units.test(name))).toEqual([]);
  });
});
