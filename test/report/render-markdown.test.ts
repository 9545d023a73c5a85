import { describe, expect, it } from "vitest";
import { escapeMarkdown, renderMarkdown } from "../../src/report/render-markdown.ts";
import { localRun, simulatedRun, troubledRun } from "../fixtures/runs.ts";
import { ALL_RUNS } from "./all-runs.ts";

/** Cells of a table's line: what stands between unescaped bars. */
const cells = (line: string) => line.split(/(?<!\\)\|/).slice(1, -1);

describe("renderMarkdown", () => {
  it.each(ALL_RUNS)("has tables whose rows all have as many cells as their head, for %s", (_, make) => {
    const blocks = renderMarkdown(make())
      .split("\n\n")
      .filter((block) => block.startsWith("|"));
    for (const block of blocks) {
      const widths = block.split("\n").map((line) => cells(line).length);
      expect(new Set(widths).size).toBe(1);
      expect(block.split("\n")[1]).toMatch(/^\| (---:?( \| )?)+ \|$/);
    }
  });

  it.each(ALL_RUNS)("lets no markup of a name through, for %s", (_, make) => {
    const text = renderMarkdown(make());
    expect(text).not.toMatch(/<(?!!)[a-z/]/i);
    expect(text).not.toMatch(/\p{Cc}(?<!\n)/u);
  });

  it("prints the client's own error with the latencies that have one", () => {
    const run = localRun();
    expect(renderMarkdown(run)).not.toContain("own error");
    const points = run.cells.flatMap((cell) => cell.points);
    for (const { metrics } of points)
      if (metrics !== null) metrics.ttftMs.clientErrorMs = { mean: 0.25, p50: 0.125, p99: 3 };
    const text = renderMarkdown(run);
    expect(text).toContain("**TTFT and inter-chunk latency, ± the client's own error, in milliseconds**");
    expect(text).toMatch(/ \| mean [\d.]+ ± 0\.250 \| — \| /);
    expect(text).toMatch(/ \| [\d.]+ ± 0\.125 \| — \| /);
  });

  it("names the nodes that a cell's servers stood on", () => {
    const run = localRun();
    expect(renderMarkdown(run)).not.toContain("| Node |");
    const [deployment] = run.cells[0]?.server.deployments ?? [];
    if (deployment === undefined || run.cells[0] === undefined) throw new Error("no deployment");
    run.cells[0].server.deployments = ["gpu-1", "gpu-2", "gpu-1"].map((node) => ({ ...deployment, node }));
    const text = renderMarkdown(run);
    expect(text).toContain("| Node |");
    expect(text).toContain("| gpu-1, gpu-2 |");
  });

  it("says simulated first, and what differs before what was measured", () => {
    expect(renderMarkdown(simulatedRun())).toMatch(/^# simulated\n\n> \*\*Simulated\.\*\*/);
    const troubled = renderMarkdown(troubledRun());
    expect(troubled.indexOf("## Not the same work")).toBeLessThan(troubled.indexOf("## Results"));
    expect(troubled).toContain("- **invalid** `failed-requests`: Requests failed.");
    expect(troubled).toContain("- sglang failed: sglang ended with exit status 1");
  });

  it("escapes what Markdown would read", () => {
    expect(escapeMarkdown("a|b\n`c` *d* <e> & [f]_g_")).toBe(
      "a\\|b \\`c\\` \\*d\\* &lt;e&gt; &amp; \\[f\\]\\_g\\_",
    );
  });
});
