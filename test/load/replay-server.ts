import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";

/** A raw socket server on 127.0.0.1: what it answers is decided for each whole request, byte for byte. */
export interface ReplayServer {
  readonly origin: string;
  /** Connections so far; requests so far. */
  readonly connections: number;
  readonly requests: number;
  /** Called with each new connection. */
  onConnection(callback: (socket: Socket) => void): void;
  close(): Promise<void>;
}

export type Answer = (request: { head: string; body: string; index: number }, socket: Socket) => void;

export async function startReplayServer(answer: Answer): Promise<ReplayServer> {
  let connections = 0;
  let requests = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let waiting = "";
    socket.on("data", (read) => {
      waiting += read.toString("latin1");
      for (;;) {
        const headEnd = waiting.indexOf("\r\n\r\n");
        if (headEnd < 0) return;
        const head = waiting.slice(0, headEnd);
        const end = headEnd + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (waiting.length < end) return;
        const body = waiting.slice(headEnd + 4, end);
        waiting = waiting.slice(end);
        answer({ head, body, index: requests++ }, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    onConnection: (callback) => server.on("connection", callback),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
