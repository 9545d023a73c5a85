import type { ProbeReadings } from "./delay-probe.ts";
import type { PlayOptions } from "./lanes.ts";
import type { MeasurementOutcome, MeasureOptions } from "./measurement.ts";

/** A measurement as any client makes it: how it sends is the client's own. */
export type LoadOptions = Omit<MeasureOptions, "transport" | "clock" | "share" | "startUs">;

/** What measures one server: the thread that asks, or several workers. One load at a time. */
export interface LoadClient {
  /** Recorded as `client.transport` and `client.workers`. */
  readonly transport: string;
  readonly workers: number;
  /** Opens connections ahead of use. Rejects with what the server said. */
  open(connections: number): Promise<void>;
  /** Watches from now on how late it reads, by the stamps that a null server sends. */
  watchDelays(nullServerPort: number): Promise<void>;
  /** Rejects as `measure` of generator.ts does, and with LOAD_WORKER. */
  measure(options: LoadOptions): Promise<MeasurementOutcome>;
  /** Plays requests whose times are known; rejects with LOAD_WORKER. */
  play(options: PlayOptions): Promise<void>;
  /** Closes all that it opened. What the watch has read, where there was one. */
  close(): Promise<ProbeReadings | undefined>;
}
