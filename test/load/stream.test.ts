import * as fc from "fast-check";
import { expect, it } from "vitest";
import { ResponseReader } from "../../src/load/response-reader.ts";
import { ReadersShare, TemplateEventReader } from "../../src/load/template-event-reader.ts";
import { streamProperty } from "./stream-property.ts";

it("reads 1,000 random streams, cut anyhow, as they were meant", () => {
  const property = streamProperty({ ResponseReader, ReadersShare, TemplateEventReader });
  expect(() => fc.assert(property, { numRuns: 1000, includeErrorInReport: true })).not.toThrow();
});
