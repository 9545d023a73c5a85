import type { Clock } from "./clock.ts";
import { Flights } from "./flights.ts";
import type { Recorder } from "./measurement.ts";
import { callAt, callSoonAfter, type PreciseTimer } from "./precise-timer.ts";
import type { Transport } from "./transport.ts";

/** A request this near goes out as soon as its stream is free: it had waited for that, not for its time. */
const chainedUs = 2000;

/** Requests whose times are known, in lanes: those of one lane follow each other. */
export interface Lanes {
  /** Numbers of requests. */
  readonly lanes: readonly (readonly number[])[];
  /** Of each request by its number: when it is to go out, microseconds after the start. */
  readonly sentUs: Float64Array;
  /** Microseconds of the clock. */
  readonly startUs: number;
  readonly body: Uint8Array;
  /** Limit of all of it, and of each request, milliseconds. */
  readonly timeoutMs: number;
}

export interface PlayOptions extends Lanes {
  readonly recorder: Recorder;
  /** Sends no more and cancels what is in flight. */
  readonly signal: AbortSignal;
}

/**
 * Sends each request at its time, or when the one before it in its lane has its answer, its number in its path. Resolves
 * when all have ended, time is up or `signal` says so.
 */
export async function playLanes(transport: Transport, clock: Clock, options: PlayOptions): Promise<void> {
  const { lanes, sentUs, startUs, body, timeoutMs, recorder, signal } = options;
  const flights = new Flights(transport, timeoutMs, {});
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const timers = new Set<PreciseTimer>();
  await new Promise<void>((resolve, reject) => {
    let left = lanes.reduce((sum, lane) => sum + lane.length, 0);
    let over = false;
    const end = () => {
      over = true;
      clearTimeout(limit);
      signal.removeEventListener("abort", end);
      for (const timer of timers) timer.cancel();
      flights.cancelAll();
      resolve();
    };
    const limit = setTimeout(end, timeoutMs);
    signal.addEventListener("abort", end, { once: true });
    const send = (lane: readonly number[], place: number) => {
      const i = lane[place] as number;
      const scheduledUs = startUs + (sentUs[i] as number);
      const request = { method: "POST", path: `/v1/chat/completions?n=${i}`, headers, body } as const;
      flights.launch(request, { i, worker: 0, phase: "measured", scheduledUs }, (record) => {
        if (!over && place + 1 < lane.length) wait(lane, place + 1);
        recorder.write(record);
        left--;
        if (left === 0 && !over) end();
      });
    };
    const wait = (lane: readonly number[], place: number) => {
      const atUs = startUs + (sentUs[lane[place] as number] as number);
      if (place > 0 && atUs - clock.nowUs() < chainedUs) {
        send(lane, place);
        return;
      }
      const timer = (place === 0 ? callSoonAfter : callAt)(clock, atUs, () => {
        timers.delete(timer);
        try {
          send(lane, place);
        } catch (error) {
          reject(error);
        }
      });
      timers.add(timer);
    };
    for (const lane of lanes) wait(lane, 0);
    if (left === 0 || signal.aborted) end();
  });
}
