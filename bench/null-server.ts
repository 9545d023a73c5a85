import { createServer } from "node:net";

/**
 * A server that costs as little as a server can: it answers each request at once with the same bytes, a stream of
 * `chunks` events made beforehand, each in an HTTP chunk of its own. Prints its port. `perWrite` events go out a write.
 */
const [chunks = 100, perWrite = 100] = process.argv.slice(2).map(Number);

const head = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
);
const event = (json: object | string) => {
  const data = `data: ${typeof json === "string" ? json : JSON.stringify(json)}\n\n`;
  return Buffer.from(`${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`);
};
const common = {
  id: "chatcmpl-0d2f1d3c3f4b4a6e",
  object: "chat.completion.chunk",
  created: 1795503871,
  model: "null",
};
const delta = (content: object, finish: string | null) =>
  event({ ...common, choices: [{ index: 0, delta: content, logprobs: null, finish_reason: finish }] });
const vocabulary = [
  " the",
  " of",
  "\n",
  " quantum",
  ' "state"',
  " über",
  " 量子",
  "s",
  " entangled",
  ".",
  " two",
  " is",
];
const texts = Array.from({ length: chunks }, (_, k) =>
  delta({ content: vocabulary[k % vocabulary.length] ?? "" }, k === chunks - 1 ? "length" : null),
);
const usage = event({
  ...common,
  choices: [],
  usage: { prompt_tokens: 5, total_tokens: 5 + chunks, completion_tokens: chunks },
});
const events = [
  delta({ role: "assistant", content: "" }, null),
  ...texts,
  usage,
  event("[DONE]"),
  Buffer.from("0\r\n\r\n"),
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
