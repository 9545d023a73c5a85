/** Counts the bytes of a transfer and says how it goes. */
export interface Meter {
  /** Bytes that are there, whether fetched or found; negative when they turned out wrong. */
  readonly add: (bytes: number) => void;
  /** Bytes that came over the network. */
  readonly received: (bytes: number) => void;
  readonly receivedBytes: number;
  /** One line: done of all, rate over the last seconds, time left. */
  readonly line: () => string;
  readonly done: number;
}

/** The rate is that of so many milliseconds: long enough to be steady, short enough to see a change. */
const windowMs = 20_000;

export function createMeter(total: number, now: () => number = () => performance.now()): Meter {
  let done = 0;
  let receivedBytes = 0;
  const samples: { at: number; bytes: number }[] = [{ at: now(), bytes: 0 }];

  function rate(): number {
    const at = now();
    samples.push({ at, bytes: receivedBytes });
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > windowMs) samples.shift();
    const first = samples[0] ?? { at, bytes: 0 };
    return at > first.at ? ((receivedBytes - first.bytes) / (at - first.at)) * 1000 : 0;
  }

  return {
    add(bytes) {
      done += bytes;
    },
    received(bytes) {
      receivedBytes += bytes;
    },
    get done() {
      return done;
    },
    get receivedBytes() {
      return receivedBytes;
    },
    line() {
      const perSecond = rate();
      const left = total - done;
      const time = perSecond > 0 && left > 0 ? `, ${inTime(left / perSecond)} left` : "";
      return `${inBytes(done)} of ${inBytes(total)}, ${(perSecond / 1e6).toFixed(1)} MB/s${time}`;
    },
  };
}

/** Decimal units, as disks and networks have them. */
export function inBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes >= 1e3) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${bytes} B`;
}

function inTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return whole >= 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole} s`;
}
