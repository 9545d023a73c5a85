import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { LlmbenchError } from "../error.ts";
import { packMember } from "./gzip-member.ts";
import type { Recorder } from "./measurement.ts";
import type { RecordHeader, RequestRecord } from "./record.ts";

const periodMs = 1000;
/** A busy second is written in several members, so that none takes the event loop long. */
const fullBytes = 512 * 1024;

/** Writes `requests.ndjson.gz` while the measurement runs. */
export interface RecordWriter extends Recorder {
  /** Where it writes until `close`: readable at any time up to the last whole second. */
  readonly partialPath: string;
  /** Never throws: what goes wrong with the disk is in `failure`, and `failed` and `close` reject with it. */
  write(record: RequestRecord): void;
  readonly failure: LlmbenchError | undefined;
  /** Rejects as soon as a write fails, never resolves. Left alone it does no harm. */
  readonly failed: Promise<never>;
  /** Writes what is left and gives the file its name. Rejects with RECORD_WRITE; the partial file then stays. */
  close(): Promise<void>;
  /** Writes what is left and leaves the file under its partial name. Rejects like `close`. */
  abandon(): Promise<void>;
}

/** Creates the file (and its folder) and writes the header. Rejects with RECORD_WRITE. */
export async function openRecordWriter(path: string, header: RecordHeader): Promise<RecordWriter> {
  const partialPath = `${path}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const writer = new FileRecordWriter(path, partialPath, await open(partialPath, "w"));
    await writer.begin(header);
    return writer;
  } catch (error) {
    throw asWriteError(error, partialPath);
  }
}

class FileRecordWriter implements RecordWriter {
  readonly partialPath: string;
  readonly failed: Promise<never>;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #timer: NodeJS.Timeout;
  #lines: string[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #failure: LlmbenchError | undefined;
  #reject: (error: LlmbenchError) => void = () => {};
  #ended: Promise<void> | undefined;

  constructor(path: string, partialPath: string, file: FileHandle) {
    this.#path = path;
    this.partialPath = partialPath;
    this.#file = file;
    this.failed = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
    this.failed.catch(() => {});
    this.#timer = setInterval(() => this.#flush(), periodMs);
  }

  get failure(): LlmbenchError | undefined {
    return this.#failure;
  }

  async begin(header: RecordHeader): Promise<void> {
    this.#lines.push(JSON.stringify(header));
    await this.#drain();
    if (this.#failure !== undefined) {
      clearInterval(this.#timer);
      await this.#file.close().catch(() => {});
      throw this.#failure;
    }
  }

  write(record: RequestRecord): void {
    if (this.#failure !== undefined) return;
    const line = JSON.stringify(record);
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= fullBytes) this.#flush();
  }

  async close(): Promise<void> {
    await this.#end();
    try {
      await rename(this.partialPath, this.#path);
    } catch (error) {
      throw asWriteError(error, this.#path);
    }
  }

  async abandon(): Promise<void> {
    await this.#end();
  }

  /** Once, whoever asks: a caller that could not `close` may still `abandon`. */
  #end(): Promise<void> {
    this.#ended ??= this.#finish();
    return this.#ended;
  }

  async #finish(): Promise<void> {
    clearInterval(this.#timer);
    await this.#drain();
    try {
      if (this.#failure === undefined) await this.#file.sync();
    } catch (error) {
      this.#fail(error);
    }
    await this.#file.close().catch((error: unknown) => this.#fail(error));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes one member, unless one is being written: then the lines wait for the next. */
  #flush(): void {
    if (this.#writing !== undefined || this.#lines.length === 0 || this.#failure !== undefined) return;
    const data = Buffer.from(`${this.#lines.join("\n")}\n`);
    this.#lines = [];
    this.#bytes = 0;
    this.#writing = this.#append(data).then(
      () => {
        this.#writing = undefined;
        if (this.#bytes >= fullBytes) this.#flush();
      },
      (error: unknown) => {
        this.#writing = undefined;
        this.#fail(error);
      },
    );
  }

  /** Writes until nothing is left. A member that ends may begin the next by itself. */
  async #drain(): Promise<void> {
    this.#flush();
    while (this.#writing !== undefined) {
      await this.#writing;
      this.#flush();
    }
  }

  async #append(data: Buffer): Promise<void> {
    const member = await packMember(data);
    for (let written = 0; written < member.length; ) {
      const { bytesWritten } = await this.#file.write(member, written, member.length - written);
      written += bytesWritten;
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = asWriteError(error, this.partialPath);
    this.#lines = [];
    this.#reject(this.#failure);
  }
}

function asWriteError(error: unknown, path: string): LlmbenchError {
  if (error instanceof LlmbenchError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const reason = error instanceof Error ? error.message : String(error);
  return new LlmbenchError("RECORD_WRITE", `cannot write ${path}: ${reason}`, {
    hint:
      code === "ENOSPC"
        ? "the disk is full: free some space, or enlarge the share, and go on with `llmbench run --resume` (a workflow: `argo retry`); what was measured before is kept"
        : code === "EFBIG"
          ? "a limit on the size of files was reached: raise it (ulimit -f) and go on with `llmbench run --resume`"
          : "is the folder there, and may you write in it?",
    cause: error,
  });
}
