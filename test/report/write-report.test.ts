import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { renderHtml } from "../../src/report/render-html.ts";
import { REPORT_FORMATS, renderReport } from "../../src/report/render-report.ts";
import { writeReport } from "../../src/report/write-report.ts";
import { localRun } from "../fixtures/runs.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-report-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("writes report/index.html and leaves nothing else behind", async () => {
  const path = await writeReport(localRun(), folder);
  expect(path).toBe(join(folder, "report", "index.html"));
  expect(await readFile(path, "utf8")).toBe(await renderHtml(localRun()));
  expect(await readdir(join(folder, "report"))).toEqual(["index.html"]);
});

it("writes over a report that is there", async () => {
  await writeReport({ ...localRun(), cells: [] }, folder);
  const path = await writeReport(localRun(), folder);
  expect(await readFile(path, "utf8")).toContain("llamacpp-4slots");
});

it("has the files of each format", async () => {
  const names = await Promise.all(
    REPORT_FORMATS.filter((format) => format !== "png").map(async (format) =>
      (await renderReport(localRun(), format)).map((file) => file.name),
    ),
  );
  expect(names).toEqual([["index.html"], ["report.md"], ["points.csv", "measurements.csv"]]);
});
