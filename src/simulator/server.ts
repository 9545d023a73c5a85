import { createServer, type Server, type Socket } from "node:net";
import type { z } from "zod";
import { LlmbenchError } from "../error.ts";
import type { Wire } from "./http.ts";
import { SimulatorOptions } from "./options.ts";
import { instantProfile } from "./profiles.ts";
import { Simulator, type SimulatorHost, type SimulatorStats } from "./simulator.ts";
import { createRealTimeline } from "./timeline.ts";
import type { Truth } from "./truth.ts";

/** A simulator that listens, or will once it has loaded far enough. */
export interface RunningSimulator {
  /** http://HOST:PORT, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Resolves when it accepts connections, which some servers do only once they have loaded; never when it cannot. */
  readonly listening: Promise<void>;
  /** Resolves when it has loaded; never when it cannot. */
  readonly ready: Promise<void>;
  /** Resolves when an effect ended it: the exit status and message of the process it stands for. */
  readonly exited: Promise<{ readonly status: number; readonly message: string }>;
  truth(): Truth;
  stats(): SimulatorStats;
  /** What SIGTERM does; resolves when everything is closed. */
  stop(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
}

/**
 * Starts a simulated server in this process. Resolves at once, with its port known; with a profile that loads (default:
 * one without any latency) await `ready`. Rejects with SIMULATOR_PORT when the port cannot be had.
 */
export async function startSimulator(
  given: Partial<z.input<typeof SimulatorOptions>> & Pick<SimulatorOptions, "dialect">,
  requestEnded?: SimulatorHost["requestEnded"],
): Promise<RunningSimulator> {
  const options = SimulatorOptions.parse({ profile: instantProfile, ...given });
  const server = createServer({ noDelay: true });
  // Whoever asks for a free port must know it before it is open: it is taken once and given back.
  await listen(server, options.port, options.host);
  const port = portOf(server);
  let accepts: () => void = () => undefined;
  const listening = new Promise<void>((resolve) => (accepts = resolve));
  let ended = false;
  const host = {
    listen: (accepting: () => void) => {
      const opened = () => {
        accepts();
        accepting();
        // It was stopped while the listener opened.
        if (ended) server.close();
      };
      if (server.listening) opened();
      else server.listen(port, options.host, 1024, opened);
    },
    exit: (status: number, message: string) => {
      ended = true;
      server.close();
      exited({ status, message });
    },
    ...(requestEnded === undefined ? {} : { requestEnded }),
  };
  let exited: (end: { status: number; message: string }) => void = () => undefined;
  const exit = new Promise<{ status: number; message: string }>((resolve) => (exited = resolve));
  const simulator = new Simulator(options, port, createRealTimeline(), host);
  server.on("connection", (socket) => serve(simulator, socket));
  server.on("error", ({ message }) => simulator.exit(1, message));
  if (simulator.refusesAtFirst) {
    await new Promise((resolve) => server.close(resolve));
  }
  let loaded: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (loaded = resolve));
  simulator.load(loaded);
  const closed = () =>
    new Promise<void>((resolve) => void (server.listening ? server.close(() => resolve()) : resolve()));
  return {
    url: `http://${options.host}:${port}`,
    port,
    listening,
    ready,
    exited: exit,
    truth: () => ({ chunks: simulator.truth.chunks(), requests: simulator.truth.requests }),
    stats: () => simulator.stats(),
    stop: async () => {
      ended = true;
      const listenerClosed = closed();
      await simulator.stop();
      await listenerClosed;
    },
    close: async () => {
      ended = true;
      simulator.close();
      await closed();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new LlmbenchError(
          "SIMULATOR_PORT",
          `The simulator cannot listen on ${host}:${port}: ${cause.message}`,
          {
            hint:
              cause.code === "EADDRINUSE"
                ? "Choose another --port, or 0 for a free one."
                : "Choose another --host or --port.",
            cause,
          },
        ),
      ),
    );
    server.listen(port, host, 1024, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function serve(simulator: Simulator, socket: Socket): void {
  const wire: Wire = {
    ...(socket.remotePort === undefined ? {} : { clientPort: socket.remotePort }),
    write: (data, encoding) =>
      void (
        socket.writable && (typeof data === "string" ? socket.write(data, encoding) : socket.write(data))
      ),
    end: () => socket.destroySoon(),
    reset: () => void socket.resetAndDestroy(),
  };
  const connection = simulator.accept(wire);
  socket.on("data", (bytes) => connection.receive(bytes));
  socket.on("close", () => connection.closed());
  socket.on("end", () => connection.closed());
  socket.on("error", () => connection.closed());
}
