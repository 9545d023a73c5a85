import { describe, expect, it } from "vitest";
import { SseScanner } from "../../src/load/sse-scanner.ts";

function scan(reads: readonly (string | Buffer)[], finish = true): { data: string; type: string }[] {
  const events: { data: string; type: string }[] = [];
  const scanner = new SseScanner({
    event: (bytes, from, to, type) =>
      events.push({ data: Buffer.from(bytes.subarray(from, to)).toString("utf8"), type }),
  });
  for (const read of reads) {
    const bytes = Buffer.from(read);
    scanner.push(bytes, 0, bytes.length);
    bytes.fill(0);
  }
  if (finish) scanner.finish();
  return events;
}

const texts = (events: { data: string }[]) => events.map(({ data }) => data);

describe("the scanner of server-sent events", () => {
  it("takes every kind of line end", () => {
    expect(texts(scan(["data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\r\ndata: e\r\n\n"]))).toEqual([
      "a",
      "b",
      "c",
      "d",
      "e",
    ]);
  });

  it("does not mind where reads cut a line end in two", () => {
    expect(texts(scan(["data: a\r", "\ndata: b\r", "\n\r", "\ndata: c"]))).toEqual(["a\nb", "c"]);
    expect(texts(scan(["data: a\r", "\r", "data: b"]))).toEqual(["a", "b"]);
  });

  it("puts a character together that a read cut in two", () => {
    const bytes = Buffer.from("data: 🎉é\n\n");
    expect(texts(scan([...bytes].map((byte) => Buffer.of(byte))))).toEqual(["🎉é"]);
  });

  it("drops one space after the colon, and only one", () => {
    expect(texts(scan(["data:a\n\ndata:  b\n\ndata: \n\ndata:\n\ndata\n\n"]))).toEqual([
      "a",
      " b",
      "",
      "",
      "",
    ]);
  });

  it("leaves out comments, ids, retries and unknown fields", () => {
    expect(
      texts(scan([": ping\n:\n\nid: 4\nretry: 10\ndatax: no\ndat: no\n data: no\ndata: yes\n\n"])),
    ).toEqual(["yes"]);
  });

  it("names the event, and only that event", () => {
    expect(scan(["event: error\ndata: a\n\ndata: b\n\nevent: lone\n\ndata: c\n\n"])).toEqual([
      { data: "a", type: "error" },
      { data: "b", type: "" },
      { data: "c", type: "" },
    ]);
  });

  it("joins several data lines by a line break", () => {
    expect(texts(scan(["data: {\n", "data: }\ndata: x\n\n"]))).toEqual(["{\n}\nx"]);
  });

  it("takes a byte order mark at the start, and only there", () => {
    expect(texts(scan([Buffer.of(0xef), Buffer.of(0xbb, 0xbf), "data: a\n\n\ufeffdata: b\n\n"]))).toEqual([
      "a",
    ]);
  });

  it("hands out the event that the stream ended in", () => {
    expect(texts(scan(["data: a\n\ndata: b"]))).toEqual(["a", "b"]);
    expect(texts(scan(["data: a\n\ndata: b\n"]))).toEqual(["a", "b"]);
    expect(texts(scan(["data: a\n\ndata: b"], false))).toEqual(["a"]);
  });

  it("is as new after a reset in the middle of anything", () => {
    const seen: string[] = [];
    const scanner = new SseScanner({
      event: (bytes, from, to) => seen.push(Buffer.from(bytes.subarray(from, to)).toString()),
    });
    for (const start of ["data: a", "data: a\n", "data: a\r", "event: e\n", "\ufeffdata: a\n"]) {
      const bytes = Buffer.from(start);
      scanner.push(bytes, 0, bytes.length);
      scanner.reset();
      const rest = Buffer.from("\ufeffdata: b\n\n");
      scanner.push(rest, 0, rest.length);
    }
    expect(seen).toEqual(["b", "b", "b", "b", "b"]);
  });

  it("gives up on a line that never ends instead of filling the memory", () => {
    const seen: string[] = [];
    const scanner = new SseScanner({ event: () => seen.push("event") });
    const megabyte = Buffer.alloc(1024 * 1024, 0x61);
    for (let k = 0; k < 17; k++) scanner.push(megabyte, 0, megabyte.length);
    expect(scanner.overflowed).toBe(true);
    const more = Buffer.from("\n\ndata: a\n\n");
    scanner.push(more, 0, more.length);
    expect(seen).toEqual([]);
    scanner.reset();
    scanner.push(more, 0, more.length);
    expect(seen).toEqual(["event"]);
  });
});
