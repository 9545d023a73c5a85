import { describe, expect, it } from "vitest";
import { groupByModel } from "../../src/report/groups.ts";
import { serversOverTime } from "../../src/report/plots/over-time.ts";
import { CSS_PALETTE } from "../../src/report/plots/palette.ts";
import { renderSvg } from "../../src/report/plots/svg.ts";
import { renderCsv } from "../../src/report/render-csv.ts";
import { renderHtml } from "../../src/report/render-html.ts";
import { renderMarkdown } from "../../src/report/render-markdown.ts";
import { serverTable } from "../../src/report/server-table.ts";
import type { Results } from "../../src/results/schema/results.ts";
import { Results as ResultsSchema } from "../../src/results/schema/results.ts";
import type { ServerLoad } from "../../src/results/schema/server-load.ts";
import { localRun } from "../fixtures/runs.ts";

/** A server with `running` requests on average, seen four times. */
const server = (running: number): ServerLoad => ({
  samples: 6,
  everyMs: 1000,
  requestsRunning: { mean: running, max: running + 1 },
  requestsWaiting: { mean: 0.5, max: 2 },
  cacheUsageShare: { mean: 0.125, max: 0.25 },
  preemptions: 1,
  cpuCores: { mean: 1.5, max: 1.9 },
  memoryBytes: { mean: 3 * 2 ** 30, max: 4 * 2 ** 30 },
  cachedShare: 0.75,
  series: {
    seconds: [0, 1, 2, 3],
    requestsRunning: [running, running + 1, null, running],
    requestsWaiting: [0, 2, 0, 0],
  },
});

function withServers(seen: (concurrency: number) => ServerLoad | undefined): Results {
  const results = localRun();
  for (const { points } of results.cells) {
    for (const { load, measurements } of points) {
      for (const measurement of measurements) {
        const said = seen(load.concurrency ?? 1);
        if (said !== undefined) measurement.server = said;
      }
    }
  }
  return ResultsSchema.parse(results);
}

const tableOf = (results: Results) => {
  const [model] = groupByModel(results);
  return model === undefined ? undefined : serverTable(results, model);
};

describe("The servers' side in a report", () => {
  it("is a table of means with the largest values below them", () => {
    const table = tableOf(withServers(server));
    const row = table?.groups[0]?.rows[0]?.map(({ text, note }) => [text, note]);
    expect(row?.slice(1)).toEqual([
      ["1.00", "2.00"],
      ["0.500", "2.00"],
      ["12.5", "25.0"],
      [expect.stringMatching(/^[1-9]$/), undefined],
      ["75.0", undefined],
      ["1.50", "1.90"],
      ["3 GiB", "4 GiB"],
    ]);
  });

  it("is not there where no server was looked at, as in results of before", () => {
    expect(tableOf(localRun())).toBeUndefined();
    expect(serversOverTime(localRun(), CSS_PALETTE)).toBeUndefined();
  });

  it("says why a server could not be read", () => {
    const missed = { count: 2, why: "HTTP 404 from /metrics" };
    const blind = withServers(() => ({ samples: 0, everyMs: 1000, series: { seconds: [] }, missed }));
    expect(tableOf(blind)?.groups[0]?.rows[0]?.[0]?.note).toBe("not read: HTTP 404 from /metrics");
    expect(serversOverTime(blind, CSS_PALETTE)).toBeUndefined();
  });

  it("is drawn over time at the heaviest load, a panel for each thing that was told", async () => {
    const results = withServers(server);
    const plot = serversOverTime(results, CSS_PALETTE);
    const most = Math.max(
      ...results.cells.flatMap(({ points }) => points.map(({ load }) => load.concurrency ?? 1)),
    );
    expect(plot?.caption).toContain(`concurrency ${most}`);
    expect(plot?.panels.map(({ title }) => title)).toEqual(["Running, requests", "Waiting, requests"]);
    for (const { spec } of plot?.panels ?? []) {
      const svg = await renderSvg(spec);
      expect(svg.match(/<path [^>]*stroke="var\(--series-\d\)"/g)?.length).toBe(plot?.legend.length);
    }
  });

  it("stands in the page, in Markdown and in the CSV of measurements", async () => {
    const results = withServers(server);
    const page = await renderHtml(results);
    expect(page).toContain("Inside the servers: queue, cache, processor and memory");
    expect(page).toContain('id="servers-over-time"');
    expect(renderMarkdown(results)).toContain("### Inside the servers");
    const [head = "", row = ""] = renderCsv(results).measurements.split("\r\n");
    expect(head).toContain("server_cache_mean_share,server_cache_max_share,server_preemptions_count,");
    expect(row).toContain(",0.125,0.25,1,");
  });
});
