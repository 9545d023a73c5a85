import { createServer, type Socket } from "node:net";
import { answerEnd, head as answerHead, roleEvent, textEvent } from "../src/calibration/null-answer.ts";
import { startClock } from "../src/load/clock.ts";

/**
 * A server that costs as little as a server can: it answers each request with the same bytes, a stream of `chunks`
 * events made beforehand, each in an HTTP chunk of its own; `perWrite` events go out a write. At once, or the first text
 * after `ttftMs` and a write each `gapMs`. Prints its port; says what it counted whenever it is asked.
 */
const [chunks = 100, perWrite = 100, ttftMs = 0, gapMs = 0] = process.argv.slice(2).map(Number);

const events = [
  ...Array.from({ length: chunks }, (_, k) => textEvent(k, k === chunks - 1)),
  answerEnd(chunks),
];
const writes: Buffer[] = [];
for (let k = 0; k < events.length; k += perWrite) writes.push(Buffer.concat(events.slice(k, k + perWrite)));
const opening = Buffer.concat([answerHead, roleEvent]);
const whole = gapMs === 0 && ttftMs === 0;
if (whole) writes[0] = Buffer.concat([opening, writes[0] ?? Buffer.alloc(0)]);

interface Stream {
  readonly socket: Socket;
  /** Number of its request, where the path says it; when the request was read, on the machine's clock, microseconds. */
  readonly i: number;
  readonly readUs: number;
  at: number;
  dueMs: number;
}

/** Streams in the order in which they are due: each kind of wait is as long for all. */
const begun: Stream[] = [];
let running: Stream[] = [];
let firstRequestMs: number | undefined;
const clock = startClock();
const startUs = Number(BigInt(clock.hrtimeNs) / 1000n);
const nowUs = () => startUs + clock.nowUs();
let stamps: [i: number, readUs: number, firstWriteUs: number][] = [];
let inFlight = 0;
let mostInFlight = 0;
let requests = 0;

function answer(socket: Socket, head: string): void {
  firstRequestMs ??= Date.now();
  requests++;
  if (whole) {
    for (const write of writes) socket.write(write);
    return;
  }
  inFlight++;
  mostInFlight = Math.max(mostInFlight, inFlight);
  const readUs = nowUs();
  socket.write(opening);
  const i = Number(/^\S+ \S+[?]i=(\d+)/.exec(head)?.[1] ?? -1);
  begun.push({ socket, i, readUs, at: 0, dueMs: performance.now() + ttftMs });
}

function writeNext(stream: Stream): boolean {
  stream.socket.write(writes[stream.at++] as Buffer);
  stream.dueMs += gapMs;
  if (stream.at < writes.length) return true;
  inFlight--;
  return false;
}

if (!whole) {
  setInterval(() => {
    const nowMs = performance.now();
    while (begun.length > 0 && (begun[0] as Stream).dueMs <= nowMs) {
      const stream = begun.shift() as Stream;
      stamps.push([stream.i, stream.readUs, nowUs()]);
      if (writeNext(stream)) running.push(stream);
    }
    running = running.filter((stream) => stream.dueMs > nowMs || writeNext(stream));
  }, 1);
}

const server = createServer({ noDelay: true }, (socket) => {
  let waiting = "";
  socket.on("error", () => {});
  socket.on("data", (read) => {
    waiting += read.toString("latin1");
    for (;;) {
      const headEnd = waiting.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const headText = waiting.slice(0, headEnd);
      const length = Number(/content-length: (\d+)/i.exec(headText)?.[1] ?? 0);
      if (waiting.length < headEnd + 4 + length) return;
      waiting = waiting.slice(headEnd + 4 + length);
      if (headText.startsWith("POST")) answer(socket, headText);
      else {
        const body = '{"object":"list","data":[{"id":"null","object":"model","owned_by":"nobody"}]}';
        socket.write(
          `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        );
      }
    }
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
});
process.on("message", () => {
  process.send?.({ firstRequestMs, requests, mostInFlight, stamps });
  firstRequestMs = undefined;
  requests = 0;
  mostInFlight = 0;
  stamps = [];
});
process.on("disconnect", () => process.exit(0));
