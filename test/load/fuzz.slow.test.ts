import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ResponseReader } from "../../src/load/response-reader.ts";
import { ReadersShare, TemplateEventReader } from "../../src/load/template-event-reader.ts";
import { expectAgreementWithUndici } from "./http-oracle.ts";
import { splitProperty } from "./http-splits.ts";
import { plant, plantedBugs } from "./planted-bugs.ts";
import { streamProperty } from "./stream-property.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

describe("random streams", () => {
  it("200,000 of them, cut anyhow, are read as they were meant", () => {
    process.stderr.write(`200,000 random streams, seed ${seed} (FUZZ_SEED=${seed} makes them again)\n`);
    const property = streamProperty({ ResponseReader, ReadersShare, TemplateEventReader });
    expect(() => fc.assert(property, { seed, numRuns: 200_000, includeErrorInReport: true })).not.toThrow();
  });

  it.each(plantedBugs.map((bug) => [bug.what, bug] as const))(
    "find the planted bug: %s",
    async (_what, bug) => {
      const result = fc.check(streamProperty(await plant(bug)), {
        seed,
        numRuns: 200_000,
        endOnFailure: true,
      });
      process.stderr.write(`found after ${result.numRuns} streams: ${bug.what}\n`);
      expect(result.failed).toBe(true);
    },
  );
});

describe("random HTTP answers", () => {
  it("20,000 of them are to us what they are to undici", async () => {
    process.stderr.write(`20,000 random HTTP answers, seed ${seed} (FUZZ_SEED=${seed} makes them again)\n`);
    await expectAgreementWithUndici({ seed, numRuns: 20_000 });
  });

  it("100,000 of them are the same however they are cut into reads", () => {
    expect(() =>
      fc.assert(splitProperty, { seed, numRuns: 100_000, includeErrorInReport: true }),
    ).not.toThrow();
  });
});
