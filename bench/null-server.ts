import { createServer } from "node:net";
import { answerEnd, head, roleEvent, textEvent } from "../src/calibration/null-answer.ts";

/**
 * A server that costs as little as a server can: it answers each request at once with the same bytes, a stream of
 * `chunks` events made beforehand, each in an HTTP chunk of its own. Prints its port. `perWrite` events go out a write.
 */
const [chunks = 100, perWrite = 100] = process.argv.slice(2).map(Number);

const events = [
  roleEvent,
  ...Array.from({ length: chunks }, (_, k) => textEvent(k, k === chunks - 1)),
  answerEnd(chunks),
];
const writes: Buffer[] = [];
for (let k = 0; k < events.length; k += perWrite) writes.push(Buffer.concat(events.slice(k, k + perWrite)));
writes[0] = Buffer.concat([head, writes[0] ?? Buffer.alloc(0)]);

const server = createServer({ noDelay: true }, (socket) => {
  let waiting = "";
  socket.on("error", () => {});
  socket.on("data", (read) => {
    waiting += read.toString("latin1");
    for (;;) {
      const headEnd = waiting.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(waiting.slice(0, headEnd))?.[1] ?? 0);
      if (waiting.length < headEnd + 4 + length) return;
      waiting = waiting.slice(headEnd + 4 + length);
      for (const write of writes) socket.write(write);
    }
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
});
process.on("disconnect", () => process.exit(0));
