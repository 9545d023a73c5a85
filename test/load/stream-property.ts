import { deepStrictEqual } from "node:assert";
import * as fc from "fast-check";
import type { RequestRecord } from "../../src/load/record.ts";
import type { ResponseReader } from "../../src/load/response-reader.ts";
import type { ReadersShare, TemplateEventReader } from "../../src/load/template-event-reader.ts";
import { answerCase, endT, headersT, readT, sentT } from "./expected-record.ts";
import { type RandomAnswer, randomAnswer } from "./random-answer.ts";

/** The parts under test, or a copy of them with a bug planted. */
export interface ReaderParts {
  readonly ResponseReader: typeof ResponseReader;
  readonly ReadersShare: typeof ReadersShare;
  readonly TemplateEventReader: typeof TemplateEventReader;
}

/**
 * However a stream is written and cut into reads, its record is exactly what the server meant. Each answer is read twice
 * by the same reader: what the first leaves behind must not show in the second.
 */
export function streamProperty(parts: ReaderParts): fc.IProperty<[RandomAnswer]> {
  return fc.property(randomAnswer, (answer) => {
    const { reads, end, record: expected } = answerCase(answer);
    const records: RequestRecord[] = [];
    const options = {
      saveText: answer.saveText,
      ...(answer.maxTokens !== undefined && { maxTokens: answer.maxTokens }),
    };
    const events = new parts.TemplateEventReader(new parts.ReadersShare(answer.saveText));
    const reader = new parts.ResponseReader(options, events, (record) => records.push(record));
    // As a transport does it: one buffer, whose bytes are gone once the call returns.
    const buffer = Buffer.alloc(2 + Math.max(0, ...reads.flat().map((piece) => piece.length)), 0x58);
    for (let round = 0; round < 2; round++) {
      reader.begin({ i: 5, worker: 2, phase: "measured", scheduledUs: 1.6 });
      reader.sent(sentT, { reused: true });
      reader.headers(headersT, 200, { "content-type": "text/event-stream" });
      for (const [read, pieces] of reads.entries()) {
        for (const piece of pieces) {
          piece.copy(buffer, 1);
          reader.body(readT(read), buffer, 1, 1 + piece.length);
          buffer.fill(0x58);
        }
      }
      if (end === "end") reader.end(endT);
      else reader.error(endT, "reset", "lost");
    }
    deepStrictEqual(records, [expected, expected]);
  });
}
