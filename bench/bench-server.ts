import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface ServerCounts {
  readonly firstRequestMs: number;
  readonly requests: number;
  readonly mostInFlight: number;
  /** Where it waits before the first text. Of each request: its number, read, first text written; the machine's clock, microseconds. */
  readonly stamps: readonly [i: number, readUs: number, firstWriteUs: number][];
}

/** The null server in a process of its own. */
export interface Server {
  readonly port: string;
  counts(): Promise<ServerCounts>;
  stop(): Promise<void>;
}

export async function startServer(script: string, numbers: readonly number[]): Promise<Server> {
  const child: ChildProcess = spawn(process.execPath, [script, ...numbers.map(String)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [port] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line")) as [
    string,
  ];
  return {
    port,
    counts: async () => {
      child.send("counts");
      const [counts] = (await once(child, "message")) as [ServerCounts];
      return counts;
    },
    stop: async () => {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
