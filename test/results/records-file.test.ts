import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRecords } from "../../src/load/record-reader.ts";
import { openRecordWriter } from "../../src/load/record-writer.ts";
import { assembleResults } from "../../src/results/assemble.ts";
import { closedPoint, MADE_VARIANTS, makeRecords, makeRun, openMadeRecords } from "../fixtures/make-run.ts";

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "llmbench-records-"));
});
afterAll(() => rm(base, { recursive: true }));

describe("records as the load generator writes and reads them", () => {
  it("give the same results as they do in memory", async () => {
    const point = closedPoint("batching", 2, 8, 12);
    const { run, results } = await makeRun(base, { variants: MADE_VARIANTS.slice(2), points: [point] });
    expect(await assembleResults(run, readRecords)).toEqual(results);

    const [cell] = await run.listCells();
    const { records: path } = run.paths.measurement(cell as string, point.id, 1);
    const { header } = await openMadeRecords(path);
    const writer = await openRecordWriter(path, header);
    for (const record of makeRecords(header, MADE_VARIANTS[2] as (typeof MADE_VARIANTS)[0]))
      writer.write(record);
    await writer.close();
    expect(await assembleResults(run, readRecords)).toEqual(results);
  });
});
