import type { Clock } from "./clock.ts";
import { DelayProbe, type ProbeReadings } from "./delay-probe.ts";
import { measure } from "./generator.ts";
import { type PlayOptions, playLanes } from "./lanes.ts";
import type { LoadClient, LoadOptions } from "./load-client.ts";
import type { MeasurementOutcome, MeasureOptions } from "./measurement.ts";
import type { Transport } from "./transport.ts";

/** Measures in the thread that asks. */
export class LocalClient implements LoadClient {
  readonly workers = 1;
  readonly #transport: Transport;
  readonly #clock: Clock;
  #probe: DelayProbe | undefined;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  get transport(): string {
    return this.#transport.name;
  }

  async open(connections: number): Promise<void> {
    await this.#transport.open(connections);
  }

  async watchDelays(nullServerPort: number): Promise<void> {
    this.#probe = await DelayProbe.open(nullServerPort, this.#clock);
  }

  async measure(
    options: LoadOptions & Pick<MeasureOptions, "share" | "startUs">,
  ): Promise<MeasurementOutcome> {
    return await measure({ ...options, transport: this.#transport, clock: this.#clock });
  }

  async play(options: PlayOptions): Promise<void> {
    await playLanes(this.#transport, this.#clock, options);
  }

  async close(): Promise<ProbeReadings | undefined> {
    const readings = this.#probe?.close();
    this.#probe = undefined;
    await this.#transport.close();
    return readings;
  }
}
