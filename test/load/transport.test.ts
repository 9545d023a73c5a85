import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Clock, startClock } from "../../src/load/clock.ts";
import { createTransport } from "../../src/load/create-transport.ts";
import { createNetTransport } from "../../src/load/net-transport.ts";
import type {
  ConnectionUse,
  InFlight,
  Sink,
  Transport,
  TransportOptions,
  TransportRequest,
} from "../../src/load/transport.ts";
import { createUndiciTransport } from "../../src/load/undici-transport.ts";
import { type Answer, type ReplayServer, startReplayServer } from "./replay-server.ts";

/** Everything a sink was told. */
interface Seen {
  readonly sent: { t: number; use: ConnectionUse }[];
  readonly reads: { t: number; text: string }[];
  status?: number;
  headers?: Readonly<Record<string, string>>;
  endT?: number;
  error?: { t: number; kind: string; message: string };
}

const request: TransportRequest = {
  method: "POST",
  path: "/v1/completions",
  headers: { "content-type": "application/json" },
  body: Buffer.from('{"prompt":"hi"}'),
};

/** Prints the port of a listener whose queue is full. */
const fullQueue = `
import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
waiting = [socket.socket() for _ in range(3)]
for one in waiting:
    one.setblocking(False)
    one.connect_ex(listener.getsockname())
print(listener.getsockname()[1], flush=True)
time.sleep(60)
`;

const silent: Sink = { sent() {}, headers() {}, body() {}, end() {}, error() {} };

function send(
  transport: Transport,
  wanted: TransportRequest = request,
): { done: Promise<Seen>; handle: InFlight } {
  const seen: Seen = { sent: [], reads: [] };
  let handle: InFlight | undefined;
  const done = new Promise<Seen>((resolve) => {
    handle = transport.send(wanted, {
      sent: (t, use) => seen.sent.push({ t, use }),
      headers: (_t, status, headers) => Object.assign(seen, { status, headers }),
      body: (t, bytes, from, to) =>
        seen.reads.push({ t, text: Buffer.from(bytes.subarray(from, to)).toString() }),
      end: (t) => {
        seen.endT = t;
        resolve(seen);
      },
      error: (t, kind, message) => {
        seen.error = { t, kind, message };
        resolve(seen);
      },
    });
  });
  return { done, handle: handle as InFlight };
}

const answerOf = (text: string, headers = "") =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n${headers}\r\n${text}`;
const answerOk: Answer = (_request, socket) => socket.write(answerOf("ok"));

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function serve(answer: Answer = answerOk): Promise<ReplayServer> {
  const server = await startReplayServer(answer);
  open.push(server);
  return server;
}

let create: (options: TransportOptions) => Transport = createNetTransport;

function connectTo(origin: string, options: Partial<TransportOptions> = {}): Transport {
  const transport = create({ origin, clock: startClock(), ...options });
  open.push(transport);
  return transport;
}

/** A clock that can be put forward. */
function adjustableClock(): Clock & { forward(us: number): void } {
  const clock = startClock();
  let ahead = 0;
  return { ...clock, nowUs: () => clock.nowUs() + ahead, forward: (us) => (ahead += us) };
}

describe.each([
  ["node:net", createNetTransport],
  ["undici", createUndiciTransport],
])("%s:", (_name, createOne) => {
  beforeAll(() => {
    create = createOne;
  });

  describe("connections", () => {
    it("are open before the first request, as many as were asked for, and requests use them", async () => {
      const server = await serve();
      const transport = connectTo(server.origin, { maxConnections: 5 });
      await transport.open(5);
      await vi.waitFor(() => expect(server.connections).toBe(5));
      const all = await Promise.all(Array.from({ length: 5 }, () => send(transport).done));
      expect(all.map(({ sent }) => sent[0]?.use)).toEqual(
        Array.from({ length: 5 }, () => ({ reused: false })),
      );
      const again = await Promise.all(Array.from({ length: 5 }, () => send(transport).done));
      expect(again.map(({ sent }) => sent[0]?.use)).toEqual(
        Array.from({ length: 5 }, () => ({ reused: true })),
      );
      expect(server.connections).toBe(5);
    });

    it("that were not opened ahead say what opening took", async () => {
      const server = await serve();
      const [first] = (await send(connectTo(server.origin)).done).sent;
      expect(first?.use.reused).toBe(false);
      expect(first?.use.connectUs).toBeGreaterThan(0);
    });

    it("cannot be opened where nobody listens", async () => {
      const server = await startReplayServer(answerOk);
      await server.close();
      const transport = connectTo(server.origin);
      await expect(transport.open(3)).rejects.toMatchObject({
        code: "LOAD_CONNECT",
        message: expect.stringContaining("ECONNREFUSED") as string,
      });
      const seen = await send(transport).done;
      expect(seen.error?.kind).toBe("refused");
      expect(seen.sent).toEqual([]);
    });

    it("carry one request at a time: the next goes out when the one before has its answer", async () => {
      const held: Socket[] = [];
      const server = await serve((_request, socket) => held.push(socket));
      const transport = connectTo(server.origin, { maxConnections: 1 });
      const first = send(transport);
      const second = send(transport);
      await vi.waitFor(() => expect(held).toHaveLength(1));
      held[0]?.write(answerOf("one"));
      const firstSeen = await first.done;
      await vi.waitFor(() => expect(held).toHaveLength(2));
      held[1]?.write(answerOf("two"));
      const secondSeen = await second.done;
      expect(secondSeen.sent[0]?.t).toBeGreaterThan(firstSeen.endT ?? Number.POSITIVE_INFINITY);
      expect(server.connections).toBe(1);
    });

    it("idle for longer than they may are not used again", async () => {
      const server = await serve();
      const clock = adjustableClock();
      const transport = connectTo(server.origin, { clock, maxConnections: 1 });
      await send(transport).done;
      clock.forward(3_900_000);
      expect((await send(transport).done).sent[0]?.use.reused).toBe(true);
      clock.forward(4_100_000);
      expect((await send(transport).done).sent[0]?.use.reused).toBe(false);
      expect(server.connections).toBe(2);
    });

    it("opened ahead are not used when they have waited too long", async () => {
      const server = await serve();
      const clock = adjustableClock();
      const transport = connectTo(server.origin, { clock });
      await transport.open(1);
      clock.forward(4_100_000);
      const [sent] = (await send(transport).done).sent;
      expect(sent?.use.connectUs).toBeGreaterThan(0);
    });

    it("opened ahead are renewed before they have waited too long", async () => {
      const real = startClock();
      let passedMs = 0;
      const pass = (ms: number) => {
        passedMs += ms;
        vi.advanceTimersByTime(ms);
      };
      const server = await serve();
      const clock = { ...real, nowUs: () => real.nowUs() + 1000 * passedMs };
      const transport = connectTo(server.origin, { maxIdleMs: 60_000, clock });
      const gone: Promise<unknown>[] = [];
      server.onConnection((socket) => gone.push(once(socket, "close")));
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        await transport.open(2);
        for (let round = 1; round <= 3; round++) {
          while (server.connections < 2 * round) await setImmediate();
          pass(50_000);
          await Promise.all(gone.slice(2 * round - 2, 2 * round));
        }
      } finally {
        vi.useRealTimers();
      }
      expect((await send(transport).done).sent[0]?.use).toEqual({ reused: false });
    });

    it("that the server drops while they wait are replaced", async () => {
      const sockets: Socket[] = [];
      const server = await serve();
      const transport = connectTo(server.origin);
      server.onConnection((socket) => sockets.push(socket));
      await transport.open(2);
      await vi.waitFor(() => expect(sockets).toHaveLength(2));
      sockets[0]?.end();
      await vi.waitFor(() => expect(server.connections).toBe(3), { timeout: 5000 });
      const seen = await Promise.all([send(transport).done, send(transport).done]);
      expect(seen.map(({ sent }) => sent[0]?.use)).toEqual([{ reused: false }, { reused: false }]);
    });

    it("that are being opened are given up when the transport is closed", async () => {
      const sockets = () => process.getActiveResourcesInfo().filter((name) => name.includes("TCP")).length;
      // A queue of one that nobody empties: what knocks next gets no answer. Node's own listen() would accept.
      const full = spawn("python3", ["-c", fullQueue], { stdio: ["ignore", "pipe", "inherit"] });
      open.push({ close: async () => void full.kill() });
      const [port] = (await once(full.stdout, "data")) as [Buffer];
      const before = sockets();
      const transport = connectTo(`http://127.0.0.1:${port.toString().trim()}`);
      const { done } = send(transport);
      await vi.waitFor(() => expect(sockets()).toBeGreaterThan(before));
      await transport.close();
      expect((await done).error).toBeDefined();
      await vi.waitFor(() => expect(sockets()).toBe(before));
    });

    it("are all gone once the transport is closed, and what was in flight is cancelled", async () => {
      const gone: Promise<unknown>[] = [];
      const server = await serve(() => {});
      server.onConnection((socket) => gone.push(new Promise((resolve) => socket.once("close", resolve))));
      const transport = create({ origin: server.origin, clock: startClock() });
      await transport.open(3);
      const inFlight = send(transport);
      await vi.waitFor(() => expect(server.requests).toBe(1));
      await transport.close();
      expect((await inFlight.done).error?.kind).toBe("cancelled");
      expect(gone.length).toBeGreaterThanOrEqual(3);
      await Promise.all(gone);
    });
  });

  describe("a server that closes after each answer, whatever its headers say", () => {
    const closing: Answer = (_request, socket) =>
      socket.end(answerOf("ok", "keep-alive: timeout=5, max=100\r\n"));

    it("gets each request on a connection opened while the one before was running", async () => {
      const held: Socket[] = [];
      const server = await serve((_request, socket) => held.push(socket));
      const transport = connectTo(server.origin, { freshConnections: true });
      await transport.open(1);
      for (let k = 0; k < 10; k++) {
        const { done } = send(transport);
        await vi.waitFor(() => expect(held).toHaveLength(k + 1), { interval: 1 });
        await vi.waitFor(() => expect(server.connections).toBe(k + 2), { interval: 1 });
        if (held[k] !== undefined) closing({ head: "", body: "", index: k }, held[k] as Socket);
        const { sent, error } = await done;
        expect(error).toBeUndefined();
        expect(sent.map(({ use }) => use)).toEqual([{ reused: false }]);
      }
      expect(server.requests).toBe(10);
    });

    it("is found out without being told", async () => {
      const server = await serve(closing);
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await transport.open(1);
      for (let k = 0; k < 20; k++) {
        const { error, sent } = await send(transport).done;
        expect(error).toBeUndefined();
        expect(sent.at(-1)?.use.reused).toBe(false);
      }
      expect(server.requests).toBe(20);
    });

    it("is told beforehand where its answer says so, and costs no request a connect", async () => {
      const held: Socket[] = [];
      const server = await serve((_request, socket) => {
        socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n");
        held.push(socket);
      });
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await transport.open(1);
      for (let k = 0; k < 5; k++) {
        const { done } = send(transport);
        // The headers alone make it open the next one.
        await vi.waitFor(() => expect(server.connections).toBe(k + 2));
        held[k]?.end("ok");
        expect((await done).sent.map(({ use }) => use)).toEqual([{ reused: false }]);
      }
    });
  });

  describe("a connection lost before any byte of the answer", () => {
    it("is no fault of the request where it had been idle: the request is sent once more", async () => {
      const server = await serve(({ index }, socket) => {
        if (index === 1) socket.resetAndDestroy();
        else answerOk({ head: "", body: "", index }, socket);
      });
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await send(transport).done;
      const seen = await send(transport).done;
      expect(seen.error).toBeUndefined();
      expect(seen.reads.map(({ text }) => text)).toEqual(["ok"]);
      expect(seen.sent.map(({ use }) => use.reused)).toEqual([true, false]);
      expect(seen.sent[1]?.t).toBeGreaterThan(seen.sent[0]?.t ?? 0);
      expect(server.requests).toBe(3);
    });

    it("twice is a reset", async () => {
      const server = await serve(({ index }, socket) => {
        if (index > 0) socket.end();
        else answerOk({ head: "", body: "", index }, socket);
      });
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await send(transport).done;
      expect((await send(transport).done).error?.kind).toBe("reset");
      expect(server.requests).toBe(3);
    });

    it("is a reset at once where it was opened for the request", async () => {
      const server = await serve((_request, socket) => socket.resetAndDestroy());
      expect((await send(connectTo(server.origin)).done).error?.kind).toBe("reset");
      expect(server.requests).toBe(1);
    });

    it("is a reset where the server had the request for a while: sent again, that time would be lost", async () => {
      const held: Socket[] = [];
      const server = await serve((_request, socket) => held.push(socket));
      const clock = adjustableClock();
      const transport = connectTo(server.origin, { clock, maxConnections: 1 });
      await transport.open(1);
      const { done } = send(transport);
      await vi.waitFor(() => expect(held).toHaveLength(1));
      clock.forward(2e6);
      held[0]?.destroy();
      expect((await done).error?.kind).toBe("reset");
      expect(server.requests).toBe(1);
    });

    it("but after an interim one is a reset: the server has the request", async () => {
      const server = await serve((_request, socket) => socket.end("HTTP/1.1 103 Early Hints\r\n\r\n"));
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await transport.open(1);
      expect((await send(transport).done).error?.kind).toBe("reset");
      expect(server.requests).toBe(1);
    });

    it("is refused where the server has gone meanwhile", async () => {
      const server = await startReplayServer(answerOk);
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await send(transport).done;
      await server.close();
      expect((await send(transport).done).error?.kind).toBe("refused");
    });
  });

  describe("what goes wrong", () => {
    it.each<[string, string, string]>([
      ["an answer cut short of its length", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal", "reset"],
      [
        "a chunked answer cut short",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhal\r\n",
        "reset",
      ],
      [
        "the same, said to close",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhal",
        "reset",
      ],
      ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"],
      ["a chunk of no size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "protocol"],
    ])("%s", async (_what, bytes, kind) => {
      const server = await serve((_request, socket) => socket.end(bytes));
      expect((await send(connectTo(server.origin)).done).error?.kind).toBe(kind);
    });

    it("an answer without a length ends when the connection does", async () => {
      const server = await serve((_request, socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
      const seen = await send(connectTo(server.origin)).done;
      expect(seen.error).toBeUndefined();
      expect(seen.reads.map(({ text }) => text).join("")).toBe("all of it");
    });
  });

  describe("a request stopped by us", () => {
    it.each(["timeout", "cancelled"] as const)(
      "%s: ends the connection and tells the sink once",
      async (kind) => {
        const closed: Promise<unknown>[] = [];
        const server = await serve((_request, socket) => {
          closed.push(new Promise((resolve) => socket.once("close", resolve)));
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal");
        });
        const { done, handle } = send(connectTo(server.origin));
        await vi.waitFor(() => expect(closed).toHaveLength(1));
        handle.abort(kind);
        handle.abort("cancelled");
        const seen = await done;
        expect(seen.error?.kind).toBe(kind);
        await Promise.all(closed);
        expect(seen.endT).toBeUndefined();
      },
    );

    it("while it waits for a connection never reaches the server", async () => {
      const held: Socket[] = [];
      const server = await serve((_request, socket) => held.push(socket));
      const transport = connectTo(server.origin, { maxConnections: 1 });
      const first = send(transport);
      await vi.waitFor(() => expect(held).toHaveLength(1));
      const second = send(transport);
      second.handle.abort("cancelled");
      expect((await second.done).error?.kind).toBe("cancelled");
      expect((await second.done).sent).toEqual([]);
      held[0]?.write(answerOf("ok"));
      expect((await first.done).error).toBeUndefined();
      const third = send(transport);
      await vi.waitFor(() => expect(held).toHaveLength(2));
      held[1]?.write(answerOf("ok"));
      expect((await third.done).error).toBeUndefined();
      expect(server.requests).toBe(2);
    });
  });

  it("a request stopped after its end leaves alone the one that has its connection now", async () => {
    const held: Socket[] = [];
    const server = await serve((request, socket) =>
      request.index < 2 ? answerOk(request, socket) : void held.push(socket),
    );
    const transport = connectTo(server.origin, { maxConnections: 1 });
    const first = send(transport);
    await first.done;
    await send(transport).done;
    const { done } = send(transport);
    await vi.waitFor(() => expect(held).toHaveLength(1));
    first.handle.abort("timeout");
    held[0]?.write(answerOf("ok"));
    expect((await done).error).toBeUndefined();
    expect(server.connections).toBe(1);
  });

  it("a request of a closed transport fails", async () => {
    const server = await serve();
    const transport = connectTo(server.origin);
    await transport.close();
    expect((await send(transport).done).error).toBeDefined();
    expect(server.requests).toBe(0);
  });

  describe("what passes through", () => {
    it("asks for no compression and sends the headers given, the request's own last", async () => {
      const heads: string[] = [];
      const server = await serve(({ head, body }, socket) => {
        heads.push(`${head}\n${body}`);
        socket.write(answerOf("ok", "x-many: 1\r\nX-Many: 2\r\n"));
      });
      const transport = connectTo(server.origin, { headers: { authorization: "Bearer key", "x-a": "ours" } });
      const seen = await send(transport, { ...request, headers: { "x-a": "its own" } }).done;
      expect(heads[0]).toContain("POST /v1/completions HTTP/1.1");
      expect(heads[0]).toContain("accept-encoding: identity");
      expect(heads[0]).toContain("authorization: Bearer key");
      expect(heads[0]).toContain("x-a: its own");
      expect(heads[0]).not.toContain("ours");
      expect(heads[0]).toContain('{"prompt":"hi"}');
      expect(seen.headers?.["x-many"]).toBe("1, 2");
      expect(seen.status).toBe(200);
    });

    it("a host of the request's own takes the place of the server's", async () => {
      const heads: string[] = [];
      const server = await serve(({ head }, socket) => {
        heads.push(head);
        socket.write(answerOf("ok"));
      });
      const headers = { host: "model.example" };
      expect((await send(connectTo(server.origin), { ...request, headers }).done).error).toBeUndefined();
      expect(heads[0]?.match(/^host: .*$/gim)).toEqual(["host: model.example"]);
    });

    it("HTTP chunks of one read have one time, those of another read a later one", async () => {
      const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
      const sockets: Socket[] = [];
      const server = await serve((_request, socket) => {
        sockets.push(socket);
        socket.write(
          `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunk("one")}${chunk("two")}${chunk("three")}`,
        );
      });
      const transport = connectTo(server.origin);
      const seen: { t: number; text: string }[] = [];
      const ended = new Promise<void>((resolve, reject) => {
        transport.send(request, {
          sent: () => {},
          headers: () => {},
          body: (t, bytes, from, to) => {
            seen.push({ t, text: Buffer.from(bytes.subarray(from, to)).toString() });
            if (seen.length === 3) sockets[0]?.write(`${chunk("four")}0\r\n\r\n`);
          },
          end: () => resolve(),
          error: (_t, kind) => reject(new Error(kind)),
        });
      });
      await ended;
      expect(seen.map(({ text }) => text)).toEqual(["one", "two", "three", "four"]);
      expect(new Set(seen.slice(0, 3).map(({ t }) => t)).size).toBe(1);
      expect(seen[3]?.t).toBeGreaterThan(seen[0]?.t ?? Number.POSITIVE_INFINITY);
    });

    it("a large request goes out whole", async () => {
      let received = 0;
      const server = await serve(({ body }, socket) => {
        received = body.length;
        socket.write(answerOf("ok"));
      });
      const body = Buffer.alloc(5_000_000, 0x61);
      const seen = await send(connectTo(server.origin), { ...request, body }).done;
      expect(seen.error).toBeUndefined();
      expect(received).toBe(body.length);
    });
  });
});

describe("plain HTTP", () => {
  beforeAll(() => {
    create = createNetTransport;
  });

  it.each([
    ["Content-Length", "5"],
    ["transfer-encoding", "chunked"],
    ["connection", "upgrade"],
    ["x-two", "a\r\nb: c"],
    ["x y", "a"],
  ])("takes no header that would make another request of it: %s", async (name, value) => {
    const server = await serve();
    const transport = connectTo(server.origin);
    expect(() => transport.send({ ...request, headers: { [name]: value } }, silent)).toThrow(
      expect.objectContaining({ code: "LOAD_HEADER" }),
    );
    expect(server.requests).toBe(0);
  });

  it.each(["its own end of a request", "a break in an answer"])(
    "does not take %s for a server that closes after each",
    async (what) => {
      const held: Socket[] = [];
      const server = await serve((request, socket) =>
        request.index === 2 ? void held.push(socket) : answerOk(request, socket),
      );
      const transport = connectTo(server.origin, { maxConnections: 1 });
      await send(transport).done;
      await send(transport).done;
      const third = send(transport);
      await vi.waitFor(() => expect(held).toHaveLength(1));
      if (what === "its own end of a request") third.handle.abort("timeout");
      else held[0]?.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal");
      expect((await third.done).error).toBeDefined();
      await send(transport).done;
      expect((await send(transport).done).sent.map(({ use }) => use)).toEqual([{ reused: true }]);
      expect(server.connections).toBe(2);
    },
  );

  it("sends at once on a connection that has been idle long enough to show that it stays", async () => {
    const server = await serve();
    const clock = adjustableClock();
    const transport = connectTo(server.origin, { clock, maxConnections: 1 });
    await send(transport).done;
    clock.forward(1e6);
    let sent = false;
    transport.send(request, { ...silent, sent: () => (sent = true) });
    expect(sent).toBe(true);
  });
});

describe("TLS", () => {
  beforeAll(() => {
    create = createTransport;
  });

  it("plain HTTP where TLS was meant is a failure to connect", async () => {
    const server = await serve((_request, socket) => socket.end("what?"));
    server.onConnection((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    const seen = await send(connectTo(server.origin.replace("http:", "https:"))).done;
    expect(seen.error?.kind).toBe("connect");
    expect(seen.sent).toEqual([]);
  });

  it("TLS is spoken with a server whose certificate authority is given, and not otherwise", async () => {
    const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
    const server = createTlsServer({ key: pem("key"), cert: pem("cert") }, (_request, response) =>
      response.end("secret"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    open.push({
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    });
    const trusting = connectTo(origin, { tls: { ca: pem("cert") } });
    await trusting.open(2);
    const seen = await send(trusting).done;
    expect(seen.reads.map(({ text }) => text)).toEqual(["secret"]);
    expect(seen.sent[0]?.use).toEqual({ reused: false });
    await expect(connectTo(origin).open(1)).rejects.toMatchObject({ code: "LOAD_CONNECT" });
  });
});
