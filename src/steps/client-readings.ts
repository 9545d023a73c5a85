import type { Instrument as Readings } from "../load/measurement.ts";
import type { ProbeReadings } from "../results/error-bars.ts";
import { delaysOf, type PlayedReplay, summariseReplay } from "../results/replay-summary.ts";
import type { MeasurementContext } from "../results/summary.ts";

/** What a measurement's summary says of the client: its own readings, the probe's, and the replay's. */
export function clientReadings(
  instrument: Readings,
  probe: ProbeReadings | undefined,
  played: PlayedReplay | undefined,
  workers = 1,
): Pick<MeasurementContext, "client" | "calibration"> {
  const { runQueueMs, throttled } = instrument;
  return {
    client: {
      ...(workers === 1 ? {} : { workers }),
      eventLoopDelayMs: instrument.eventLoopDelayMs,
      cpuSeconds: { user: instrument.cpuMs.user / 1000, system: instrument.cpuMs.system / 1000 },
      wallSeconds: instrument.wallMs / 1000,
      gc: instrument.gc,
      ...(runQueueMs === undefined ? {} : { runQueueSeconds: runQueueMs / 1000 }),
      ...(throttled === undefined
        ? {}
        : { throttled: { periods: throttled.periods, seconds: throttled.ms / 1000 } }),
      ...(probe === undefined ? {} : { readDelayMs: delaysOf(probe.delaysUs.slice().sort()) }),
      ...(played === undefined ? {} : { replay: summariseReplay(played) }),
    },
    ...(played === undefined || probe === undefined ? {} : { calibration: { known: played, probe } }),
  };
}
