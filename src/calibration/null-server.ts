import { type AddressInfo, createServer, type Socket } from "node:net";
import { probeGreeting } from "../load/delay-probe.ts";
import type { FromNullServer, ReplayScript, ReplayStamps, ToNullServer } from "./messages.ts";
import { answerEnd, head, roleEvent, textEvent } from "./null-answer.ts";

/** Milliseconds between two stamps of the probe, drawn evenly: a fixed pace could fall into step with a server's. */
const probePauseMs = [5, 15] as const;
/** What is due within this many microseconds goes out now: node's timers count whole milliseconds. */
const earlyUs = 300;

/** Microseconds of `process.hrtime`. */
function createNow(): () => number {
  performance.now();
  const offsetUs = Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000;
  return () => performance.now() * 1000 + offsetUs;
}

/**
 * The null server of a load generator, in a process of its own that ends with it: plays scripts that its parent sends,
 * stamps each write, and sends stamps to who asks for them. Resolves once it listens.
 */
export async function runNullServer(): Promise<void> {
  const nowUs = createNow();
  const tell = (message: FromNullServer) => process.send?.(message);
  let play: Play | undefined;
  // The terminal's Ctrl-C reaches the whole group; who ends this process is its parent.
  process.on("SIGINT", () => {});
  process.on("disconnect", () => process.exit(0));
  process.on("message", (message: ToNullServer) => {
    if (message.kind === "script") {
      play?.stop();
      play = new Play(message.script, nowUs);
      tell({ kind: "ready" });
    } else if (message.kind === "start") play?.start(message.atUs);
    else {
      tell({ kind: "stamps", stamps: play?.stamps ?? emptyStamps() });
      play?.stop();
      play = undefined;
    }
  });
  const server = createServer({ noDelay: true }, (socket) => {
    let waiting = "";
    socket.on("error", () => {});
    socket.on("data", (read) => {
      waiting += read.toString("latin1");
      if (waiting === probeGreeting) {
        waiting = "";
        sendStamps(socket, nowUs);
        return;
      }
      for (;;) {
        const headEnd = waiting.indexOf("\r\n\r\n");
        if (headEnd < 0) return;
        const headText = waiting.slice(0, headEnd);
        const end = headEnd + 4 + Number(/content-length: (\d+)/i.exec(headText)?.[1] ?? 0);
        if (waiting.length < end) return;
        waiting = waiting.slice(end);
        play?.answer(Number(/\?n=(\d+) /.exec(headText)?.[1] ?? -1), socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  tell({ kind: "listening", port: (server.address() as AddressInfo).port });
}

function emptyStamps(): ReplayStamps {
  return { receivedUs: new Float64Array(), writtenUs: new Float64Array() };
}

/** A stamp every few milliseconds until the other end closes. */
function sendStamps(socket: Socket, nowUs: () => number): void {
  const [least, most] = probePauseMs;
  let timer: NodeJS.Timeout;
  const next = () => {
    const stamp = Buffer.allocUnsafe(8);
    stamp.writeDoubleLE(nowUs());
    socket.write(stamp);
    timer = setTimeout(next, least + Math.random() * (most - least));
  };
  timer = setTimeout(next, least);
  socket.on("close", () => clearTimeout(timer));
  socket.on("end", () => socket.destroy());
}

/** One replay, as the script has it. */
class Play {
  readonly #script: ReplayScript;
  readonly #nowUs: () => number;
  readonly #receivedUs: Float64Array;
  readonly #writtenUs: Float64Array;
  readonly #sockets: (Socket | undefined)[] = [];
  /** Of each request, the write that is to go out next. */
  readonly #next: Uint32Array;
  /** Which request each write belongs to, and all writes by their time. */
  readonly #requestOf: Uint32Array;
  readonly #order: Uint32Array;
  #at = 0;
  /** Writes up to this time have had their turn. */
  #pastUs = 0;
  #startUs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(script: ReplayScript, nowUs: () => number) {
    const requests = script.starts.length - 1;
    const writes = script.atUs.length;
    this.#script = script;
    this.#nowUs = nowUs;
    this.#receivedUs = new Float64Array(requests).fill(Number.NaN);
    this.#writtenUs = new Float64Array(writes).fill(Number.NaN);
    this.#next = script.starts.slice(0, requests);
    this.#requestOf = new Uint32Array(writes);
    for (let request = 0; request < requests; request++)
      this.#requestOf.fill(request, script.starts[request], script.starts[request + 1]);
    this.#order = Uint32Array.from({ length: writes }, (_, write) => write).sort(
      (a, b) => (script.atUs[a] as number) - (script.atUs[b] as number) || a - b,
    );
  }

  get stamps(): ReplayStamps {
    return { receivedUs: this.#receivedUs, writtenUs: this.#writtenUs };
  }

  start(atUs: number): void {
    this.#startUs = atUs;
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  answer(request: number, socket: Socket): void {
    const receivedUs = this.#nowUs();
    if (!(request in this.#receivedUs)) {
      socket.destroy();
      return;
    }
    this.#receivedUs[request] = receivedUs;
    this.#sockets[request] = socket;
    socket.write(Buffer.concat([head, roleEvent]));
    const dueUs = Math.max(receivedUs - this.#startUs, this.#pastUs);
    const end = this.#script.starts[request + 1] as number;
    for (let write = this.#next[request] as number; write < end; write++) {
      if ((this.#script.atUs[write] as number) > dueUs) break;
      this.#write(request, write, socket);
    }
  }

  /** Writes what is due, then waits for the next. */
  #pump(): void {
    const { atUs } = this.#script;
    const untilUs = this.#nowUs() - this.#startUs + earlyUs;
    this.#pastUs = untilUs;
    for (; this.#at < this.#order.length; this.#at++) {
      const write = this.#order[this.#at] as number;
      if ((atUs[write] as number) > untilUs) break;
      const request = this.#requestOf[write] as number;
      const socket = this.#sockets[request];
      // One whose request is late goes out with the answer to it.
      if (socket !== undefined && this.#next[request] === write) this.#write(request, write, socket);
    }
    if (this.#at === this.#order.length) return;
    const dueUs = this.#startUs + (atUs[this.#order[this.#at] as number] as number);
    const waitMs = Math.max(1, Math.round((dueUs - this.#nowUs()) / 1000));
    this.#timer = setTimeout(() => this.#pump(), waitMs);
  }

  #write(request: number, write: number, socket: Socket): void {
    const from = this.#script.starts[request] as number;
    const isLast = write + 1 === this.#script.starts[request + 1];
    const chunks = this.#script.chunks[write] as number;
    const parts: Buffer[] = [];
    for (let k = 0; k < chunks; k++) parts.push(textEvent(write + k, isLast && k === chunks - 1));
    if (isLast) parts.push(answerEnd(this.#chunksOf(from, write)));
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    this.#writtenUs[write] = this.#nowUs();
    socket.write(bytes);
    this.#next[request] = write + 1;
  }

  #chunksOf(from: number, last: number): number {
    let chunks = 0;
    for (let write = from; write <= last; write++) chunks += this.#script.chunks[write] as number;
    return chunks;
  }
}
