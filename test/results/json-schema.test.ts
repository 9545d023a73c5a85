import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { resultsJsonSchema } from "../../src/results/json-schema.ts";
import { closedPoint, MADE_VARIANTS, makeRun } from "../fixtures/make-run.ts";

const published = new URL("../../schemas/results.schema.json", import.meta.url);

/** UPDATE_SCHEMAS=1 writes the file anew after a change of src/results/schema/. */
async function readPublished(): Promise<Record<string, unknown>> {
  if (process.env["UPDATE_SCHEMAS"] === "1") {
    await writeFile(published, `${JSON.stringify(resultsJsonSchema(), null, 2)}\n`);
  }
  return JSON.parse(await readFile(published, "utf8")) as Record<string, unknown>;
}

describe("the published JSON Schema of results.json", () => {
  it("is the one that the code gives", async () => {
    expect(await readPublished()).toEqual(JSON.parse(JSON.stringify(resultsJsonSchema())));
  });

  it("accepts the results of a run, and what a later version may add to them", async () => {
    const validate = new Ajv2020({ strict: true, allErrors: true, strictTypes: false }).compile(
      await readPublished(),
    );
    const folder = await mkdtemp(join(tmpdir(), "llmbench-schema-"));
    try {
      const points = [closedPoint("a", 2, 4, 40), closedPoint("a", 1, 4, 3)];
      const { run } = await makeRun(folder, {
        points,
        variants: [{ ...MADE_VARIANTS[2]!, failing: 0.1, status: "failed" }],
      });
      const results = JSON.parse(await readFile(run.paths.results, "utf8")) as {
        cells: { points: { metrics: Record<string, unknown> }[] }[];
      };
      expect(validate(results), JSON.stringify(validate.errors)).toBe(true);
      const metrics = results.cells[0]?.points[0]?.metrics ?? {};
      expect(validate({ ...results, added: 1 })).toBe(true);
      metrics["added"] = { later: true };
      expect(validate(results)).toBe(true);
      metrics["windowSeconds"] = "long";
      expect(validate(results)).toBe(false);
      expect(validate.errors?.map(({ instancePath }) => instancePath)).toContain(
        "/cells/0/points/0/metrics/windowSeconds",
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("says what each metric is", () => {
    const definitions = resultsJsonSchema()["$defs"] as Record<
      string,
      { properties?: Record<string, { description?: string }> }
    >;
    for (const name of ["ttftMs", "tpotMs", "interChunkMs", "e2eMs", "requestsPerSecond", "windowSeconds"]) {
      expect(definitions["Metrics"]?.properties?.[name]?.description, name).toBeTruthy();
    }
  });
});
