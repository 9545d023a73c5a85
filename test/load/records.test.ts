import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LlmbenchError } from "../../src/error.ts";
import { memberLength, packMember, unpackMember } from "../../src/load/gzip-member.ts";
import type { RecordHeader, RequestRecord } from "../../src/load/record.ts";
import { readAllRecords, readRecords } from "../../src/load/record-reader.ts";
import { openRecordWriter } from "../../src/load/record-writer.ts";

const header: RecordHeader = {
  schemaVersion: 1,
  point: "c4-out64",
  load: { arrival: "closed", concurrency: 4, requests: 12, outputTokens: 64 },
  seed: 1,
  clock: { epochMs: 1_795_503_871_000, hrtimeNs: "123456789012345678" },
  client: { version: "0.1.0", transport: "undici-7.30.2", node: "v20.20.2", workers: 1 },
};

function record(i: number, more: Partial<RequestRecord> = {}): RequestRecord {
  return {
    i,
    worker: 0,
    phase: "measured",
    connection: { reused: i > 0 },
    scheduledUs: i * 1000,
    sentUs: i * 1000 + 12,
    endUs: i * 1000 + 900,
    reads: { gapsUs: [0, 10, 20], chunks: [1, 1, 2], bytes: [3, 4, 9] },
    tokens: { prompt: 5, output: 4 },
    finish: "length",
    status: 200,
    ...more,
  };
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmbench-records-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** A file of three members: header, records 0 to 4, records 5 to 9. */
async function threeMembers(path: string): Promise<Buffer> {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  const members = [line(header), "", ""];
  for (let i = 0; i < 10; i++) members[i < 5 ? 1 : 2] += line(record(i));
  const file = Buffer.concat(await Promise.all(members.map((member) => packMember(Buffer.from(member)))));
  writeFileSync(path, file);
  return file;
}

describe("a record file", () => {
  it("gives back what was written, under its name only once it is closed", async () => {
    const path = join(folder, "points", "a", "requests.ndjson.gz");
    const writer = await openRecordWriter(path, header);
    const written = [
      record(0),
      record(1, { text: { answer: "é 量子 🎉\n" } }),
      record(2, { error: { kind: "reset", message: "x" } }),
    ];
    for (const one of written) writer.write(one);
    expect(existsSync(path)).toBe(false);
    await writer.close();
    expect(existsSync(writer.partialPath)).toBe(false);
    expect(await readAllRecords(path)).toEqual({ header, records: written });
  });

  it("is plain gzip to everyone else", async () => {
    const path = join(folder, "r.gz");
    const writer = await openRecordWriter(path, header);
    for (let i = 0; i < 100; i++) writer.write(record(i));
    await writer.close();
    const lines = gunzipSync(readFileSync(path)).toString().trim().split("\n");
    expect(lines).toHaveLength(101);
    expect(JSON.parse(lines[100] ?? "")).toEqual(record(99));
  });

  it("has a header before anything was measured, and is readable while it is written", async () => {
    const path = join(folder, "r.gz");
    const writer = await openRecordWriter(path, header);
    expect((await readAllRecords(writer.partialPath)).records).toEqual([]);
    vi.useFakeTimers({ toFake: ["setInterval"] });
    await writer.abandon();

    const other = await openRecordWriter(path, header);
    other.write(record(0));
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    // A second has gone by: what ended in it is on its way to the disk.
    await vi.waitFor(async () =>
      expect((await readAllRecords(other.partialPath)).records).toEqual([record(0)]),
    );
    other.write(record(1));
    await other.close();
    expect((await readAllRecords(path)).records).toEqual([record(0), record(1)]);
  });

  it("stays partial when abandoned, with all that was recorded", async () => {
    const path = join(folder, "r.gz");
    const writer = await openRecordWriter(path, header);
    writer.write(record(0));
    await writer.abandon();
    expect(existsSync(path)).toBe(false);
    expect((await readAllRecords(writer.partialPath)).records).toEqual([record(0)]);
  });

  it("of more than a megabyte is read a part at a time, in order", async () => {
    const path = join(folder, "r.gz");
    const writer = await openRecordWriter(path, header);
    const text = { answer: randomBytes(600).toString("hex") };
    for (let i = 0; i < 3000; i++) writer.write(record(i, { text }));
    await writer.close();
    const stream = await readRecords(path);
    let next = 0;
    for await (const one of stream.records) expect(one.i).toBe(next++);
    expect(next).toBe(3000);
    expect(stream.torn()).toBeUndefined();
    let members = 0;
    const file = readFileSync(path);
    for (let at = 0; at < file.length; at += memberLength(file.subarray(at)) ?? Number.NaN) members++;
    expect(members).toBeGreaterThan(2);
  });

  it("compressed by another program is read too", async () => {
    const path = join(folder, "r.gz");
    writeFileSync(path, gzipSync(`${JSON.stringify(header)}\n${JSON.stringify(record(0))}\n`));
    expect(await readAllRecords(path)).toEqual({ header, records: [record(0)] });
  });
});

describe("a torn file", () => {
  it("reads up to its last whole member, wherever it is cut", async () => {
    const path = join(folder, "r.gz");
    const whole = await threeMembers(path);
    const ends = [0];
    for (let at = 0; at < whole.length; ) {
      at += memberLength(whole.subarray(at)) ?? Number.NaN;
      ends.push(at);
    }
    expect(ends).toHaveLength(4);
    const [, first = 0, second = 0, third = 0] = ends;
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      const read = await readAllRecords(path).then(
        ({ records, torn }) => ({ records: records.length, tornAt: torn?.atByte, of: torn?.fileBytes }),
        (error: LlmbenchError) => error.code,
      );
      const isWhole = ends.includes(length);
      expect(read).toEqual(
        length < first
          ? "RECORD_UNREADABLE"
          : {
              records: length < second ? 0 : length < third ? 5 : 10,
              tornAt: isWhole ? undefined : length < second ? first : second,
              of: isWhole ? undefined : length,
            },
      );
    }
  });

  it("reads up to a member whose bytes have changed", async () => {
    const path = join(folder, "r.gz");
    const whole = await threeMembers(path);
    const third = (memberLength(whole) ?? 0) + (memberLength(whole.subarray(memberLength(whole))) ?? 0);
    const changed = Buffer.from(whole);
    changed[third + 40] = (changed[third + 40] ?? 0) ^ 0xff;
    writeFileSync(path, changed);
    const { records, torn } = await readAllRecords(path);
    expect(records).toHaveLength(5);
    expect(torn?.atByte).toBe(third);
  });
});

describe("a file that is no record file", () => {
  it.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("hello, this is not gzip at all, not even nearly")],
    ["gzip of something else", gzipSync("hello\n")],
    ["a header of another version", gzipSync(JSON.stringify({ ...header, schemaVersion: 2 }))],
  ])("%s is refused by name", async (_what, bytes) => {
    const path = join(folder, "r.gz");
    writeFileSync(path, bytes);
    await expect(readRecords(path)).rejects.toMatchObject({
      code: "RECORD_UNREADABLE",
      message: expect.stringContaining(path) as string,
    });
  });

  it("that is not there is refused", async () => {
    await expect(readRecords(join(folder, "none.gz"))).rejects.toMatchObject({ code: "RECORD_UNREADABLE" });
  });
});

describe("trouble with the disk", () => {
  const full = "/dev/full";
  it.skipIf(!existsSync(full))("when it is full from the start is said at once", async () => {
    const path = join(folder, "r.gz");
    symlinkSync(full, `${path}.partial`);
    await expect(openRecordWriter(path, header)).rejects.toMatchObject({
      code: "RECORD_WRITE",
      message: expect.stringContaining(path) as string,
      hint: expect.stringContaining("disk is full") as string,
    });
  });

  it("when it fills up in the middle is told at once, keeps what was written, and is not forgotten", async () => {
    const path = join(folder, "r.gz");
    const writer = await openRecordWriter(path, header);
    writer.write(record(0));
    const space = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const { FileHandle } = await fileHandleClass();
    const write = vi.spyOn(FileHandle, "write").mockRejectedValue(space);
    const big = record(1, { text: { answer: randomBytes(400_000).toString("hex") } });
    writer.write(big);
    const expected = { code: "RECORD_WRITE", hint: expect.stringContaining("disk is full") as string };
    await expect(writer.failed).rejects.toMatchObject(expected);
    expect(writer.failure).toMatchObject(expected);
    writer.write(record(2));
    await expect(writer.close()).rejects.toMatchObject(expected);
    write.mockRestore();
    expect(existsSync(path)).toBe(false);
    expect((await readAllRecords(writer.partialPath)).records).toEqual([]);
  });

  it("such as a folder that is a file is said with its path", async () => {
    const blocked = join(folder, "file");
    closeSync(openSync(blocked, "w"));
    await expect(openRecordWriter(join(blocked, "r.gz"), header)).rejects.toMatchObject({
      code: "RECORD_WRITE",
      message: expect.stringContaining(blocked) as string,
    });
  });
});

describe("a writer that could not give the file its name", () => {
  it("can still be left, and says what was wrong with the name", async () => {
    const path = join(folder, "r.gz");
    const writer = await openRecordWriter(path, header);
    writer.write(record(0));
    mkdirSync(path);
    await expect(writer.close()).rejects.toMatchObject({ code: "RECORD_WRITE" });
    await writer.abandon();
    expect((await readAllRecords(writer.partialPath)).records).toEqual([record(0)]);
  });
});

describe("a gzip member", () => {
  it("comes back whole, and is known not to be whole", async () => {
    for (const size of [0, 1, 70_000]) {
      const data = randomBytes(size);
      const member = await packMember(data);
      expect(memberLength(member)).toBe(member.length);
      expect(await unpackMember(member)).toEqual(data);
      await expect(unpackMember(member.subarray(0, -1))).rejects.toThrow("unexpected end of file");
    }
    expect(memberLength(gzipSync("a"))).toBeUndefined();
  });
});

/** Node does not export the class of file handles. */
async function fileHandleClass(): Promise<{
  FileHandle: { write: (...args: unknown[]) => Promise<unknown> };
}> {
  const { open } = await import("node:fs/promises");
  const handle = await open(join(folder, "any"), "w");
  await handle.close();
  return { FileHandle: Object.getPrototypeOf(handle) as { write: (...args: unknown[]) => Promise<unknown> } };
}
