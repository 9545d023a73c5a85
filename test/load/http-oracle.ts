import { deepStrictEqual, ok } from "node:assert";
import * as fc from "fast-check";
import { startClock } from "../../src/load/clock.ts";
import { createNetTransport } from "../../src/load/net-transport.ts";
import type { Transport } from "../../src/load/transport.ts";
import { createUndiciTransport } from "../../src/load/undici-transport.ts";
import { piecesOf, type RandomHttp, randomHttp } from "./random-http.ts";
import { startReplayServer } from "./replay-server.ts";

/** What a transport made of an answer. */
interface Outcome {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: string;
  readonly ended: string;
}

/** Our transport must make of every answer, however it is cut into writes, what undici makes of it. */
export async function expectAgreementWithUndici(params: fc.Parameters<[RandomHttp]>): Promise<void> {
  let current: RandomHttp | undefined;
  const server = await startReplayServer((_request, socket) => {
    const pieces = piecesOf(current as RandomHttp);
    const closes = current?.closes === true;
    const next = () => {
      const piece = pieces.shift();
      if (piece !== undefined) socket.write(piece, () => setImmediate(next));
      else if (closes) socket.end();
    };
    next();
  });
  try {
    await fc.assert(
      fc.asyncProperty(randomHttp, async (answer) => {
        // undici takes 100 Continue for an error; RFC 9110, 15.2 wants it skipped by a client that did not ask.
        fc.pre(!answer.bytes.includes("HTTP/1.1 100"));
        current = answer;
        const [theirs, ours] = [
          await read(createUndiciTransport({ origin: server.origin, clock: startClock() })),
          await read(createNetTransport({ origin: server.origin, clock: startClock() })),
        ];
        // A broken answer we may refuse where undici is lenient, or see broken later; never take where it does not.
        if (!answer.damaged || ours.ended === "end") deepStrictEqual(ours, theirs);
        else ok(ours.ended === "protocol" || theirs.ended !== "end", `${ours.ended} for ${theirs.ended}`);
      }),
      params,
    );
  } finally {
    await server.close();
  }
}

async function read(transport: Transport): Promise<Outcome> {
  const seen: { status?: number; headers?: Readonly<Record<string, string>>; body: string } = { body: "" };
  const ended = await new Promise<string>((resolve) => {
    transport.send(
      { method: "POST", path: "/", headers: {} },
      {
        sent: () => {},
        headers: (_t, status, headers) => Object.assign(seen, { status, headers: trimmed(headers) }),
        body: (_t, bytes, from, to) => {
          seen.body += Buffer.from(bytes.subarray(from, to)).toString("latin1");
        },
        end: () => resolve("end"),
        error: (_t, kind) => resolve(kind),
      },
    );
  });
  await transport.close();
  return { status: seen.status, headers: seen.headers, body: seen.body, ended };
}

/** Blanks at the end of a value are no part of it (RFC 9110, 5.5); undici leaves them. */
function trimmed(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll(/[ \t]+(?=,|$)/g, "")]),
  );
}
