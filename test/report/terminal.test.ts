import { describe, expect, it } from "vitest";
import { displayWidth } from "../../src/display-width.ts";
import { describeRun, renderRunList } from "../../src/report/run-list.ts";
import { renderTerminal } from "../../src/report/terminal.ts";
import { localRun, simulatedRun, troubledRun } from "../fixtures/runs.ts";
import { ALL_RUNS, assembledRun } from "./all-runs.ts";

const widest = (text: string) => Math.max(...text.split("\n").map(displayWidth));

describe("renderTerminal", () => {
  for (const [name, make] of ALL_RUNS) {
    it.each([40, 60, 80, 120])(`fits %d columns for ${name}`, (columns) => {
      expect(widest(renderTerminal(make(), { columns, color: false }))).toBeLessThanOrEqual(columns);
    });
  }

  it("fits 80 columns for the results of a run folder", async () => {
    expect(widest(renderTerminal(await assembledRun(), { columns: 80, color: false }))).toBeLessThanOrEqual(
      80,
    );
  });

  it("shows a row for each variant under each load, with units in the header", () => {
    const lines = renderTerminal(localRun(), { columns: 80, color: false }).split("\n");
    const head = lines.findIndex((line) => line.includes("tokens/s"));
    expect(lines[head]).toMatch(/^ +tokens\/s +TTFT ms +TPOT ms +n$/);
    expect(lines[head + 1]).toBe("protocol: concurrency 1, 32 tokens out");
    expect(lines[head + 2]).toMatch(
      /^ {2}llamacpp-1slot +[\d.]+ +[\d.]+ \([\d.]+–[\d.]+\) +[\d.]+ \([\d.]+–[\d.]+\) +5 {2}✓$/,
    );
    expect(lines[head + 3]).toMatch(/^ {2}llamacpp-4slots /);
  });

  it("says how far the client itself may have moved what is shown, by the widest bar", () => {
    const run = localRun();
    expect(renderTerminal(run, { columns: 80, color: false })).not.toContain("client's own error");
    for (const [i, { metrics }] of run.cells.flatMap(({ points }) => points).entries()) {
      if (metrics === null) continue;
      metrics.ttftMs.clientErrorMs = { mean: 0.2 + i / 100, p50: 0.1, p99: 3 };
      metrics.interChunkMs.clientErrorMs = { mean: 0.02, p50: 0.03, p99: 3 };
    }
    const text = renderTerminal(run, { columns: 80, color: false });
    expect(widest(text)).toBeLessThanOrEqual(80);
    expect(text.replace(/\s+/g, " ")).toMatch(
      /The client's own error, at most: median TTFT ± 0\.\d+ ms, times between chunks ± 0\.03\d* ms\./,
    );
  });

  it("tells intervals from lowest and highest, and says so", () => {
    const text = renderTerminal(localRun(), { columns: 80, color: false });
    expect(text).toMatch(/llamacpp-1slot .*\[[\d,.–]+\] .* 12 {2}✓/);
    expect(text.replaceAll("\n", " ")).toContain(
      "[a–b] is the mean's 95 % interval; (a–b) lowest and highest, too few requests for an interval.",
    );
  });

  it("marks few samples where there is no room for a range", () => {
    const narrow = renderTerminal(localRun(), { columns: 60, color: false });
    expect(narrow).toMatch(/ 5\* {2}✓/);
    expect(narrow).toMatch(/ 12 {2}✓/);
    const narrowest = renderTerminal(localRun(), { columns: 40, color: false });
    expect(narrowest).toMatch(/62\.8\* /);
    expect(narrowest).toMatch(/63\.2 /);
    for (const text of [narrow, narrowest])
      expect(text.replace(/\s+/g, " ")).toContain("* too few requests for an interval");
  });

  it("keeps the columns of all rows in line", () => {
    const rows = renderTerminal(simulatedRun(), { columns: 80, color: false })
      .split("\n")
      .filter((line) => line.endsWith("✓"));
    expect(rows).toHaveLength(64);
    expect(new Set(rows.map(displayWidth)).size).toBe(1);
  });

  it("shortens a long name in its middle", () => {
    const run = localRun();
    for (const each of run.cells)
      each.variant = `${each.variant}-with-a-very-long-name-that-goes-on-${each.variant}`;
    expect(renderTerminal(run, { columns: 80, color: false })).toMatch(/^ {2}llamac\S*…\S*slot /m);
  });

  it("gives each verdict in words with its code, the figure and what to do", () => {
    const text = renderTerminal(troubledRun(), { columns: 80, color: false }).replace(/\s+/g, " ");
    expect(text).toContain("Verdicts: 2 of 4 points valid, 1 suspect, 1 invalid.");
    expect(text).toContain(
      "✗ invalid failed-requests: Requests failed. vllm, c4 · 64 out: 3 of 12 requests failed (25 %)",
    );
    expect(text).toContain("The finish reasons in results.json say how they ended");
    expect(text).toContain(
      "sglang failed: sglang ended with exit status 1 before it was ready. (SERVER_DIED)",
    );
    expect(text).toContain("Incomplete:");
  });

  it("shows no number for a point that has none, and how many requests failed", () => {
    expect(renderTerminal(troubledRun(), { columns: 80, color: false })).toMatch(/vllm +— +— +— +0\/15 {2}✗/);
  });

  it("says that it is simulated before any number", () => {
    const text = renderTerminal(simulatedRun(), { columns: 80, color: false });
    expect(text.indexOf("SIMULATED")).toBeGreaterThan(0);
    expect(text.indexOf("SIMULATED")).toBeLessThan(text.indexOf("tokens/s"));
  });

  it("ends with the report's path, whole", () => {
    const path = `runs/${"x".repeat(100)}/report/index.html`;
    expect(
      renderTerminal(localRun(), { columns: 80, color: false, reportPath: path }).endsWith(
        `\n\nReport: ${path}\n`,
      ),
    ).toBe(true);
  });

  it("writes colours only when asked, and the same text beneath them", () => {
    const plain = renderTerminal(troubledRun(), { columns: 80, color: false });
    const colored = renderTerminal(troubledRun(), { columns: 80, color: true });
    expect(plain).not.toContain("\u001b");
    expect(colored).toContain("\u001b[31m");
    // oxlint-disable-next-line no-control-regex -- the escapes are what is taken out
    expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(plain);
  });

  it("lets no name or message reach the terminal as a control character", () => {
    const hostile = ALL_RUNS.find(([name]) => name.includes("hostile"))?.[1];
    expect(renderTerminal(hostile!(), { columns: 80, color: false })).not.toMatch(/[\p{Cc}](?<!\n)/u);
  });
});

describe("renderRunList", () => {
  const entries = ALL_RUNS.map(([, make]) => describeRun(make()));

  it("shows a run a line with its state and verdicts", () => {
    const lines = renderRunList(entries, { columns: 90, color: false }).split("\n");
    expect(lines[0]).toMatch(/^run +started \(UTC\) +status +cells +points$/);
    expect(lines[1]).toMatch(/^local-20261124-084107 +2026-11-24 08:41 +done +2\/2 +16 ✓$/);
    expect(lines[2]).toMatch(/^simulated-20261124-090000 +.* done, simulated +8\/8 +64 ✓$/);
    expect(lines[3]).toMatch(/ interrupted +1\/3 +2 ✓ {2}1 \? {2}1 ✗$/);
    expect(lines[4]).toMatch(/ incomplete +0\/1 +—$/);
  });

  it.each([60, 80])("fits %d columns", (columns) => {
    expect(widest(renderRunList(entries, { columns, color: false }))).toBeLessThanOrEqual(columns);
  });

  it("says so when there are no runs", () => {
    expect(renderRunList([], { columns: 80, color: false })).toBe("No runs yet.\n");
  });
});
