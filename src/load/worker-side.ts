import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { LlmbenchError } from "../error.ts";
import { type Clock, joinClock } from "./clock.ts";
import { createTransport } from "./create-transport.ts";
import { LocalClient } from "./local-client.ts";
import type { Recorder } from "./measurement.ts";
import type { RequestRecord } from "./record.ts";
import type { Transport, TransportRequest } from "./transport.ts";
import { createUndiciTransport } from "./undici-transport.ts";
import type {
  Answers,
  ClientSettings,
  FromWorker,
  Order,
  RequestRun,
  ToWorker,
  WorkerLoad,
} from "./worker-messages.ts";

/** Records go over so many at a time, and after so long at the latest. */
const fullBatch = 64;
const batchMs = 50;

/** The transport for a client, whichever thread it is in. */
export function transportFor({ transport, undici }: ClientSettings, clock: Clock): Transport {
  const options = { ...transport, clock };
  return undici === true ? createUndiciTransport(options) : createTransport(options);
}

/** A load client's worker: does as it is told over its port, and says what comes of it. */
export class WorkerSide {
  readonly #port: MessagePort;
  readonly #requests = new RequestQueue();
  readonly #batch: RequestRecord[] = [];
  #client: LocalClient | undefined;
  #stop = new AbortController();
  #flushTimer: NodeJS.Timeout | undefined;
  /** Of the measurement, as whoever has all records says. */
  #enough = false;
  /** It waits for a request, in the middle of sending it. */
  #waiting = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  listen(): void {
    this.#port.on("message", (message: ToWorker) => this.#take(message));
  }

  #take(message: ToWorker): void {
    if (message.kind === "requests") this.#requests.add(message.runs);
    else if (message.kind === "enough") this.#enough = true;
    else if (message.kind !== "stop") void this.#answer(message);
    // Whoever waits for a request is in the middle of sending it.
    else if (this.#waiting) setImmediate(() => this.#stop.abort());
    else this.#stop.abort();
  }

  async #answer(order: Order): Promise<void> {
    try {
      const answer = await this.#do(order);
      this.#flush();
      this.#say({ kind: "done", answer });
    } catch (error) {
      this.#flush();
      const code = error instanceof LlmbenchError ? error.code : undefined;
      this.#say({ kind: "failed", message: error instanceof Error ? error.message : String(error), code });
    }
  }

  async #do(order: Order): Promise<Answers[keyof Answers]> {
    if (order.kind === "begin") {
      const clock = joinClock(order.clock);
      this.#client = new LocalClient(transportFor(order.settings, clock), clock);
      return { transport: this.#client.transport };
    }
    const client = this.#client;
    if (client === undefined) throw new Error(`${order.kind} before begin`);
    switch (order.kind) {
      case "open":
        await client.open(order.connections);
        break;
      case "watch":
        await client.watchDelays(order.port);
        break;
      case "measure":
        return await this.#measure(client, order.load);
      case "play":
        this.#stop = new AbortController();
        await client.play({ ...order.lanes, recorder: this.#recorder, signal: this.#stop.signal });
        break;
      case "end":
        this.#client = undefined;
        return await client.close();
    }
    return undefined;
  }

  async #measure(client: LocalClient, load: WorkerLoad): Promise<Answers["measure"]> {
    this.#stop = new AbortController();
    this.#requests.begin(load.ahead);
    this.#enough = false;
    return await client.measure({
      ...load,
      requests: () => this.#nextRequest(),
      ...(load.load.precision !== undefined && { enough: () => this.#enough }),
      signal: this.#stop.signal,
      recorder: this.#recorder,
      onProgress: (progress) => this.#say({ kind: "progress", progress }),
    });
  }

  /** Requests come ahead of their use. Where one does not, it waits here: nothing else may go out before it. */
  #nextRequest(): TransportRequest {
    const missing = this.#requests.missing();
    if (missing > 0) this.#say({ kind: "wants", requests: missing });
    this.#waiting = true;
    let request = this.#requests.next();
    while (request === undefined && !this.#requests.ended) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) Atomics.wait(sleeper, 0, 0, 1);
      else this.#take(received.message);
      request = this.#requests.next();
    }
    this.#waiting = false;
    if (request === undefined) throw new Error("no request came");
    return request;
  }

  readonly #recorder: Recorder = {
    write: (record) => {
      this.#batch.push(record);
      if (this.#batch.length >= fullBatch) this.#flush();
      else this.#flushTimer ??= setTimeout(() => this.#flush(), batchMs);
    },
  };

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#batch.length > 0) this.#say({ kind: "records", records: this.#batch.splice(0) });
  }

  #say(message: FromWorker): void {
    this.#port.postMessage(message, []);
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Requests in the order in which they are to be sent. */
class RequestQueue {
  #runs: { readonly request: TransportRequest; times: number }[] = [];
  #atHand = 0;
  #ahead = 0;
  /** Asked for and not yet come. */
  #asked = 0;
  /** No more will come. */
  ended = false;

  /** Before each measurement: of the one before, some may be left. So many are then on their way unasked. */
  begin(ahead: number): void {
    this.#runs = [];
    this.#atHand = 0;
    this.#ahead = ahead;
    this.#asked = ahead;
    this.ended = false;
  }

  add(runs: readonly RequestRun[]): void {
    if (runs.length === 0) this.ended = true;
    for (const { request, times } of runs) {
      this.#runs.push({ request, times });
      this.#atHand += times;
      this.#asked = Math.max(0, this.#asked - times);
    }
  }

  /** How many to ask for now, if any. */
  missing(): number {
    const missing = this.#ahead - this.#atHand - this.#asked;
    if (this.ended || missing < this.#ahead / 2) return 0;
    this.#asked += missing;
    return missing;
  }

  next(): TransportRequest | undefined {
    const first = this.#runs[0];
    if (first === undefined) return undefined;
    this.#atHand--;
    if (--first.times === 0) this.#runs.shift();
    return first.request;
  }
}
