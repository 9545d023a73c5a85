import { createServer, type Socket } from "node:net";
import { answerEnd, head, roleEvent, textEvent } from "../src/calibration/null-answer.ts";

/**
 * A server that costs as little as a server can: it answers each request with the same bytes, a stream of `chunks`
 * events made beforehand, each in an HTTP chunk of its own; `perWrite` events go out a write. At once, or the first text
 * after `ttftMs` and a write each `gapMs`. Prints its port, and a line of JSON with what it counted when it is told to end.
 */
const [chunks = 100, perWrite = 100, ttftMs = 0, gapMs = 0] = process.argv.slice(2).map(Number);

const events = [
  ...Array.from({ length: chunks }, (_, k) => textEvent(k, k === chunks - 1)),
  answerEnd(chunks),
];
const writes: Buffer[] = [];
for (let k = 0; k < events.length; k += perWrite) writes.push(Buffer.concat(events.slice(k, k + perWrite)));
const opening = Buffer.concat([head, roleEvent]);
const whole = gapMs === 0 && ttftMs === 0;
if (whole) writes[0] = Buffer.concat([opening, writes[0] ?? Buffer.alloc(0)]);

interface Stream {
  readonly socket: Socket;
  at: number;
  dueMs: number;
}

/** Streams in the order in which they are due: each kind of wait is as long for all. */
const begun: Stream[] = [];
let running: Stream[] = [];
let firstRequestMs: number | undefined;
const ttftsUs: number[] = [];
let inFlight = 0;
let mostInFlight = 0;
let requests = 0;

function answer(socket: Socket): void {
  firstRequestMs ??= Date.now();
  requests++;
  if (whole) {
    for (const write of writes) socket.write(write);
    return;
  }
  inFlight++;
  mostInFlight = Math.max(mostInFlight, inFlight);
  socket.write(opening);
  begun.push({ socket, at: 0, dueMs: performance.now() + ttftMs });
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
      ttftsUs.push((nowMs - stream.dueMs + ttftMs) * 1000);
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
      if (headText.startsWith("POST")) answer(socket);
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
const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
process.on("message", () => {
  process.send?.({ firstRequestMs, requests, mostInFlight, medianTtftMs: median(ttftsUs) / 1000 });
  firstRequestMs = undefined;
  requests = 0;
  mostInFlight = 0;
  ttftsUs.length = 0;
});
process.on("disconnect", () => process.exit(0));
