import { type FileHandle, open } from "node:fs/promises";
import { LlmbenchError } from "../error.ts";
import { memberHeaderBytes, memberLength, unpackMember } from "./gzip-member.ts";
import type { RecordHeader, RequestRecord } from "./record.ts";

/** Where a file stops being whole, and why. Everything before it was read. */
export interface Torn {
  readonly atByte: number;
  readonly fileBytes: number;
  readonly reason: string;
}

export interface RecordStream {
  readonly header: RecordHeader;
  /** To be gone through once. A torn file ends after its last whole member. */
  readonly records: AsyncIterable<RequestRecord>;
  /** Known once `records` has ended; undefined when the file is whole. */
  torn(): Torn | undefined;
}

/**
 * Reads a record file of any size in little memory, `.partial` ones too. Rejects with RECORD_UNREADABLE when there is
 * no file, or not even a whole header in it.
 */
export async function readRecords(path: string): Promise<RecordStream> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw unreadable(path, error instanceof Error ? error.message : String(error));
  });
  const members = new MemberFile(file);
  const first = await members.next();
  const lines = first === undefined ? [] : linesOf(first);
  if (lines.length === 0) {
    await file.close();
    throw unreadable(path, members.torn?.reason ?? "it is empty");
  }
  let header: RecordHeader;
  try {
    header = parseLine(path, lines[0] ?? "") as RecordHeader;
    if (header.schemaVersion !== 1)
      throw unreadable(path, "its first line is not a header that this version reads");
  } catch (error) {
    await file.close();
    throw error;
  }
  return { header, records: recordsOf(path, lines.slice(1), members), torn: () => members.torn };
}

/** Reads a whole record file. Rejects like `readRecords`. */
export async function readAllRecords(
  path: string,
): Promise<{ header: RecordHeader; records: RequestRecord[]; torn?: Torn }> {
  const stream = await readRecords(path);
  const records: RequestRecord[] = [];
  for await (const record of stream.records) records.push(record);
  const torn = stream.torn();
  return { header: stream.header, records, ...(torn !== undefined && { torn }) };
}

async function* recordsOf(path: string, first: string[], members: MemberFile): AsyncGenerator<RequestRecord> {
  try {
    for (const line of first) yield parseLine(path, line) as RequestRecord;
    for (let member = await members.next(); member !== undefined; member = await members.next()) {
      for (const line of linesOf(member)) yield parseLine(path, line) as RequestRecord;
    }
  } finally {
    await members.close();
  }
}

/** The members of one file, one after another. */
class MemberFile {
  readonly #file: FileHandle;
  #position = 0;
  torn: Torn | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** The next whole member's data; undefined at the end, or where the file is torn. */
  async next(): Promise<Buffer | undefined> {
    if (this.torn !== undefined) return undefined;
    let size = this.#position;
    try {
      ({ size } = await this.#file.stat());
      const left = size - this.#position;
      if (left === 0) return undefined;
      const head = await this.#read(Math.min(memberHeaderBytes, left));
      // Gzip of another make does not say its length: all that is left is taken at once.
      const length = memberLength(head) ?? left;
      if (length > left) throw new Error(`${left} of ${length} bytes`);
      const data = await unpackMember(await this.#read(length));
      this.#position += length;
      return data;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.torn = {
        atByte: this.#position,
        fileBytes: size,
        reason: `the last part is not whole: ${reason}`,
      };
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #read(length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, this.#position + filled);
      if (bytesRead === 0) throw new Error("the file ended while it was read");
      filled += bytesRead;
    }
    return buffer;
  }
}

function linesOf(data: Buffer): string[] {
  return data
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
}

function parseLine(path: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw unreadable(path, `a line that is not JSON: ${line.slice(0, 80)}`);
  }
}

function unreadable(path: string, reason: string): LlmbenchError {
  return new LlmbenchError("RECORD_UNREADABLE", `cannot read ${path}: ${reason}`, {
    hint: "this measurement has to be made again: `llmbench run --resume` (a workflow: `argo retry`) does so",
  });
}
