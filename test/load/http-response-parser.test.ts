import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpResponseParser } from "../../src/load/http-response-parser.ts";
import { expectAgreementWithUndici } from "./http-oracle.ts";
import { splitProperty } from "./http-splits.ts";

/** Whether the connection may be used again after an answer; undefined where it did not end. */
function reusable(answer: string): boolean | undefined {
  let said: boolean | undefined;
  const parser = new HttpResponseParser({
    head: () => {},
    body: () => {},
    end: (again) => {
      said = again;
    },
  });
  const bytes = Buffer.from(answer, "latin1");
  parser.push(bytes, 0, bytes.length);
  return said;
}

describe("an HTTP answer", () => {
  it("is to us what it is to undici, in 400 random ones", async () => {
    await expectAgreementWithUndici({ numRuns: 400 });
  });

  it("is the same however it is cut into reads, in 2,000 random ones", () => {
    expect(() => fc.assert(splitProperty, { numRuns: 2000, includeErrorInReport: true })).not.toThrow();
  });
});

describe("a connection", () => {
  it.each<[string, string, boolean | undefined]>([
    ["after an answer of known length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true],
    [
      "after a chunked answer",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      true,
    ],
    ["after one without a body", "HTTP/1.1 204 No Content\r\n\r\n", true],
    [
      "after one that says close",
      "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
      false,
    ],
    ["after one of HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", false],
    [
      "after one of HTTP/1.0 that says keep-alive",
      "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok",
      true,
    ],
    ["on which more came than was asked for", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok!", false],
    ["while the answer is not whole", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", undefined],
    ["after only an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", undefined],
  ])("%s", (_when, answer, expected) => {
    expect(reusable(answer)).toBe(expected);
  });

  it.each([
    ["two lengths", "content-length: 2\r\ncontent-length: 2\r\n", "two content-lengths"],
    ["a length and chunks", "content-length: 2\r\ntransfer-encoding: chunked\r\n", "both"],
    ["a length that is no number", "content-length: 0x2\r\n", "no number"],
    ["a header in two lines", "a: b\r\n c\r\n", "no header"],
    ["a blank before the colon", "a : b\r\n", "no header"],
  ])("with %s is refused, or one answer could be taken for another", (_what, headers, problem) => {
    const parser = new HttpResponseParser({ head: () => {}, body: () => {}, end: () => {} });
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\nok`);
    parser.push(bytes, 0, bytes.length);
    expect(parser.problem).toContain(problem);
    expect(parser.close()).toBe(false);
  });
});
