/** Good requests of those that were judged, at one load. */
interface LoadShare {
  readonly load: number;
  readonly good: number;
  readonly all: number;
}

/** A fall within one step: all probes up to `met` met the target, all from `missed` up missed it. */
export interface Cliff {
  readonly met: number;
  readonly missed: number;
  /** Probes at these two loads. */
  readonly probesMet: number;
  readonly probesMissed: number;
  /** All or nothing: no probe says how the share falls between, so a curve through them would be made up. */
  readonly isSheer: boolean;
}

/** Probes of a kind next to a cliff that say so with 97 % (sign test): 2 × 0.5⁶ is 3 %. */
const SIGN_TEST = 6;

/** All is good where the failing ones are at most a tenth of what the target allows. */
const SHEER_FAILING = 0.1;

/** Where the share falls so steeply that no curve goes through the probes; undefined where they are mixed. */
export function findCliff(probes: readonly LoadShare[], target: number): Cliff | undefined {
  const good = probes.filter((probe) => shareOf(probe) >= target).map(({ load }) => load);
  const bad = probes.filter((probe) => shareOf(probe) < target).map(({ load }) => load);
  const high = 1 - (1 - target) * SHEER_FAILING;
  const met = Math.max(...good);
  const missed = Math.min(...bad);
  if (good.length === 0 || bad.length === 0 || met >= missed) return undefined;
  return {
    met,
    missed,
    probesMet: good.filter((load) => load === met).length,
    probesMissed: bad.filter((load) => load === missed).length,
    isSheer: probes.every((probe) => shareOf(probe) >= high || shareOf(probe) < target / 2),
  };
}

export function isCliffCertain({ probesMet, probesMissed }: Cliff): boolean {
  return Math.min(probesMet, probesMissed) >= SIGN_TEST;
}

export function shareOf({ good, all }: { readonly good: number; readonly all: number }): number {
  return all === 0 ? 0 : good / all;
}
