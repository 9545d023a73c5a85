import { readRecords } from "../load/record-reader.ts";
import { NullServer } from "./null-server-process.ts";
import { type Replay, type ReplayOptions, replay } from "./replay.ts";
import { traceOf } from "./trace.ts";

/** A replay is at most as long, where there are fewer streams than `fewStreams` and where there are more. */
const shortUs = 2_000_000;
const longUs = 5_000_000;
const fewStreams = 16;

export interface CalibratorOptions {
  /** Words that start the null server. */
  readonly command: readonly string[];
  /** Told once, in a sentence, when there can be no error bars. */
  readonly onTrouble: (why: string) => void;
}

export interface ReplayRequest
  extends Pick<ReplayOptions, "openClient" | "transportName" | "body" | "signal"> {
  /** Measurements of one key share a replay: those of one server at one concurrency or rate. */
  readonly key: string;
  readonly recordsPath: string;
  readonly span: { readonly firstUs: number; readonly lastUs: number };
  /** Requests in flight, as far as is known. */
  readonly streams: number;
}

/**
 * Finds out what this client adds to the times that it records. Trouble with it costs the error bars and never the
 * measurement. The null server is started when it is first needed and ends with this process.
 */
export class Calibrator {
  readonly #options: CalibratorOptions;
  readonly #replays = new Map<string, Replay>();
  #server: Promise<NullServer> | undefined;
  #gaveUp = false;

  constructor(options: CalibratorOptions) {
    this.#options = options;
  }

  /** Where a client finds the stamps that tell how late it reads; undefined where there are none. */
  async stampsPort(): Promise<number | undefined> {
    return await this.#attempt(async (server) => server.port);
  }

  /** The replay for a measurement: an earlier one of its key, or one made now. Undefined where there can be none. */
  async replay(request: ReplayRequest): Promise<Replay | undefined> {
    const known = this.#replays.get(request.key);
    if (known !== undefined) return known;
    const made = await this.#attempt(async (server) => {
      const { records } = await readRecords(request.recordsPath);
      const trace = await traceOf(records, request.span, request.streams < fewStreams ? shortUs : longUs);
      if (trace === undefined) return undefined;
      return await replay({
        ...request,
        server,
        trace,
        scratchPath: `${request.recordsPath}.replay`,
      });
    }, request.signal);
    if (made !== undefined) this.#replays.set(request.key, made);
    return made;
  }

  /** Ends the null server. */
  close(): void {
    this.#gaveUp = true;
    void this.#server?.then((server) => server.stop()).catch(() => {});
  }

  async #attempt<T>(
    what: (server: NullServer) => Promise<T | undefined>,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const stopped = () => signal?.aborted === true;
    if (this.#gaveUp || stopped()) return undefined;
    try {
      return await what(await (this.#server ??= NullServer.start(this.#options.command)));
    } catch (error) {
      if (stopped()) return undefined;
      this.#gaveUp = true;
      this.#options.onTrouble(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}
