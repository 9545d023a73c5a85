import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { RequestRecord } from "../../src/load/record.ts";
import { ResponseReader } from "../../src/load/response-reader.ts";
import { ReadersShare, TemplateEventReader } from "../../src/load/template-event-reader.ts";
import { streamProperty } from "./stream-property.ts";

it("reads 1,000 random streams, cut anyhow, as they were meant", () => {
  const property = streamProperty({ ResponseReader, ReadersShare, TemplateEventReader });
  expect(() => fc.assert(property, { numRuns: 1000, includeErrorInReport: true })).not.toThrow();
});

/** Lines of a stream that mean something else together than apart, beside events that are known again. */
const chunk = (text: string) =>
  `data: {"id":"1","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}`;
const lines = [
  `${chunk("one")}\n\n`,
  `${chunk("two ü 量")}\n\n`,
  `${chunk("three\\n")}\r\n\r\n`,
  `${chunk("four")}\n`,
  `${chunk("five")}\r`,
  "data:\n",
  "event: error\n",
  "\ufeff",
  "\n",
  ": waits\n\n",
  "data",
];

it("knows an event again only where a whole one begins, wherever a read ends", () => {
  function read(pieces: readonly Buffer[]): RequestRecord {
    const records: RequestRecord[] = [];
    const events = new TemplateEventReader(new ReadersShare(false));
    const reader = new ResponseReader({}, events, (record) => records.push(record));
    // A stream that follows another knows the other's events from its first on.
    for (let round = 0; round < 2; round++) {
      reader.begin({ i: 0, worker: 0, phase: "measured", scheduledUs: 0 });
      reader.headers(0, 200, { "content-type": "text/event-stream" });
      for (const piece of pieces) reader.body(1, piece, 0, piece.length);
      reader.end(2);
    }
    return records[1] as RequestRecord;
  }
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 12 }), (rest) => {
      const pieces = [lines[0] as string, ...rest].map((line) => Buffer.from(line));
      // A byte at a time, nothing can be known again: the scanner takes it apart.
      const bytes = Array.from(Buffer.concat(pieces), (byte) => Buffer.from([byte]));
      expect(read(pieces)).toEqual(read(bytes));
    }),
    { numRuns: 3000 },
  );
});
