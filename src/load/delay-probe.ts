import { connect, type Socket } from "node:net";
import { type Clock, hrtimeUsOf } from "./clock.ts";

/** What a connection to a null server begins with that asks for stamps, not for answers. */
export const probeGreeting = "PROBE\n";

/** When each stamp was read, in microseconds of the clock and ascending, and how long after its write. */
export interface ProbeReadings {
  readonly readUs: Float64Array;
  readonly delaysUs: Float64Array;
}

/**
 * Watches how late this process reads while it measures: the null server sends it the time, a hundred times a second,
 * and what is read at once is no later than the wire. Reads go the way of the transport's: `onread`, time first.
 */
export class DelayProbe {
  readonly #socket: Socket;
  readonly #readUs: number[] = [];
  readonly #delaysUs: number[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves once it is connected; a probe that cannot be has no delays. */
  static async open(port: number, clock: Clock): Promise<DelayProbe> {
    const offsetUs = hrtimeUsOf(clock);
    let probe: DelayProbe | undefined;
    const socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(4096),
        callback: (length, bytes) => {
          probe?.take(clock.nowUs(), offsetUs, bytes as Buffer, length);
          return true;
        },
      },
    });
    probe = new DelayProbe(socket);
    await new Promise<void>((resolve) => {
      socket.once("connect", resolve);
      socket.on("error", () => resolve());
    });
    socket.write(probeGreeting);
    return probe;
  }

  /** Ends it. */
  close(): ProbeReadings {
    this.#socket.destroy();
    return { readUs: Float64Array.from(this.#readUs), delaysUs: Float64Array.from(this.#delaysUs) };
  }

  /** Stamps that one read brought. */
  private take(readUs: number, offsetUs: number, bytes: Buffer, length: number): void {
    for (let at = 0; at + 8 <= length; at += 8) {
      this.#readUs.push(readUs);
      this.#delaysUs.push(readUs + offsetUs - bytes.readDoubleLE(at));
    }
  }
}
