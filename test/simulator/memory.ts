import type { z } from "zod";
import type { Connection } from "../../src/simulator/connection.ts";
import { SimulatorOptions } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import { createVirtualTimeline, type VirtualTimeline } from "../../src/simulator/timeline.ts";

/** A connection in memory: what the simulator wrote, when, and how it ended. */
interface MemoryConnection {
  readonly connection: Connection;
  readonly writes: { readonly us: number; readonly bytes: Buffer }[];
  ended: "closed" | "reset" | undefined;
  send(bytes: Buffer | string): void;
  bytes(): Buffer;
}

export interface MemorySimulator {
  readonly simulator: Simulator;
  readonly timeline: VirtualTimeline;
  /** When it began to listen, and when it was ready: microseconds. */
  readonly life: { listening?: number; ready?: number; exit?: { status: number; message: string } };
  readonly connect: () => MemoryConnection;
}

/** A simulator without sockets on virtual time, loading from time 0 on. */
export function createMemorySimulator(
  given: Partial<z.input<typeof SimulatorOptions>> & Pick<SimulatorOptions, "dialect">,
): MemorySimulator {
  const options = SimulatorOptions.parse({ profile: instantProfile, model: "m", ...given });
  const timeline = createVirtualTimeline(0);
  const life: MemorySimulator["life"] = {};
  const simulator = new Simulator(options, 1234, timeline, {
    listen: (accepting) => {
      life.listening ??= timeline.nowUs();
      accepting();
    },
    exit: (status, message) => {
      life.exit = { status, message };
    },
  });
  simulator.load(() => {
    life.ready = timeline.nowUs();
  });
  const connect = () => {
    const writes: MemoryConnection["writes"] = [];
    const connection = simulator.accept({
      write: (data, encoding) => {
        writes.push({
          us: timeline.nowUs(),
          bytes: typeof data === "string" ? Buffer.from(data, encoding) : data,
        });
      },
      end: () => {
        memory.ended ??= "closed";
      },
      reset: () => {
        memory.ended ??= "reset";
      },
    });
    const memory: MemoryConnection = {
      connection,
      writes,
      ended: undefined,
      send: (bytes) => connection.receive(Buffer.from(bytes)),
      bytes: () => Buffer.concat(writes.map(({ bytes }) => bytes)),
    };
    return memory;
  };
  return { simulator, timeline, life, connect };
}
