import type { Clock } from "./clock.ts";
import { Flights } from "./flights.ts";
import type { ReadOptions } from "./measurement.ts";
import type { RequestRecord } from "./record.ts";
import type { Transport, TransportRequest } from "./transport.ts";

export interface RequestOnceOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly request: TransportRequest;
  readonly timeoutMs: number;
  readonly read?: ReadOptions;
  readonly signal?: AbortSignal;
  readonly i?: number;
}

/** Sends one request outside a measurement: to warm up, to see whether a server truly answers. Rejects only where the request cannot be sent (LOAD_HEADER). */
export async function requestOnce(options: RequestOnceOptions): Promise<RequestRecord> {
  const flights = new Flights(options.transport, options.timeoutMs, options.read ?? {});
  const place = {
    i: options.i ?? 0,
    worker: 0,
    phase: "measured" as const,
    scheduledUs: options.clock.nowUs(),
  };
  const cancel = () => flights.cancelAll();
  options.signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await new Promise<RequestRecord>((resolve) => {
      flights.launch(options.request, place, resolve);
      if (options.signal?.aborted === true) cancel();
    });
  } finally {
    options.signal?.removeEventListener("abort", cancel);
  }
}
