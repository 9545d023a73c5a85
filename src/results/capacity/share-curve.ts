import { tQuantile } from "../probability.ts";
import { type Interval, LEVEL } from "../statistics.ts";

/** What one probe found: at this load so many of the requests that count met every SLO. */
export interface ProbeShare {
  /** Requests a second, or requests in flight. */
  readonly load: number;
  readonly good: number;
  readonly all: number;
}

/** Share of good requests over load: logit(share) = intercept + slope × ln(load / centre). */
export interface ShareCurve {
  readonly centre: number;
  readonly intercept: number;
  readonly slope: number;
  /** How many times more the probes' shares vary than those of independent requests would: at least 1. */
  readonly overdispersion: number;
}

/** Fewest probes of a curve: two for the line, the rest for their spread about it. */
const FEWEST_PROBES = 5;
/** A line this steep falls from 99.9 to 70 % within 2 % of the load: no step of a search is finer. */
const STEEPEST = 300;
/** An end of an interval is looked for up to this factor from the estimate, as a logarithm. */
const FARTHEST = Math.log(3);
/** Repetitions in which overdispersion and bias correction, each made with the other, settle. */
const SETTLING = 6;

/**
 * Logistic regression on the logarithm of the load. Requests of one probe share its queue, so their number says nothing
 * of the spread: that is taken from how far probes lie from the line (Pearson's statistic, quasi-likelihood: McCullagh and
 * Nelder, _Generalized Linear Models_, 2nd ed., 1989, 4.5 and 9). Where failures come in few long groups, the line lies
 * too high on average; Firth's correction (Biometrika 80 (1993) 27), scaled by the overdispersion, takes that off.
 * Undefined with fewer than five probes, and where they fall apart into all and nothing.
 */
export function fitShareCurve(probes: readonly ProbeShare[]): ShareCurve | undefined {
  if (probes.length < FEWEST_PROBES) return undefined;
  let curve = fitTo(probes, probes) ?? fitTo(corrected(probes, levelOf(probes)), probes);
  for (let i = 0; i < SETTLING && curve !== undefined; i++) curve = fitTo(corrected(probes, curve), probes);
  return curve;
}

/** No fall yet: the correction from here makes a line of all and a mixture, through which none goes by itself. */
function levelOf(probes: readonly ProbeShare[]): ShareCurve {
  const good = probes.reduce((sum, probe) => sum + probe.good, 0.5);
  const all = probes.reduce((sum, probe) => sum + probe.all, 1);
  return {
    centre: (probes[0] as ProbeShare).load,
    intercept: logit(good / all),
    slope: 0,
    overdispersion: 1,
  };
}

function shareAt(curve: ShareCurve, load: number): number {
  return logistic(curve.intercept + curve.slope * Math.log(load / curve.centre));
}

/** The load at which the curve is at `share`. */
export function loadAt(curve: ShareCurve, share: number): number {
  return curve.centre * Math.exp((logit(share) - curve.intercept) / curve.slope);
}

/**
 * Interval of the load at which the share is at `target`: all loads that the best line through (load, target) fits so
 * well that its deviance is within overdispersion × t² of the best of all lines (profile likelihood, as for an effective
 * dose: Williams, Biometrics 42 (1986) 641). Undefined where the share does not fall for certain: there is no end.
 */
export function intervalOfLoad(
  curve: ShareCurve,
  probes: readonly ProbeShare[],
  target: number,
): Interval | undefined {
  if (!(curve.slope < 0)) return undefined;
  const data = corrected(probes, curve);
  const best = loadAt(curve, target);
  const t = tQuantile((1 + LEVEL) / 2, probes.length - 2);
  const allowed = curve.overdispersion * t * t + deviance(data, (load) => shareAt(curve, load));
  const isInside = (away: number): boolean => {
    const load = best * Math.exp(away);
    return deviance(data, lineThrough(data, load, target)) <= allowed;
  };
  const low = end(isInside, -1);
  const high = end(isInside, 1);
  if (low === undefined || high === undefined) return undefined;
  return [best * Math.exp(low), best * Math.exp(high)];
}

function end(isInside: (away: number) => boolean, direction: 1 | -1): number | undefined {
  let inside = 0;
  let outside = 0.01;
  while (isInside(direction * outside)) {
    inside = outside;
    outside *= 2;
    if (outside > FARTHEST) return undefined;
  }
  while (outside - inside > 1e-6) {
    const middle = (inside + outside) / 2;
    if (isInside(direction * middle)) inside = middle;
    else outside = middle;
  }
  return direction * outside;
}

function logit(share: number): number {
  return Math.log(share / (1 - share));
}

/** Kept off 0 and 1, at which a likelihood has no number. */
function logistic(eta: number): number {
  return Math.min(1 - 1e-12, Math.max(1e-12, 1 / (1 + Math.exp(-eta))));
}

/** The line of `data`, with the overdispersion of what was really seen. */
function fitTo(data: readonly ProbeShare[], seen: readonly ProbeShare[]): ShareCurve | undefined {
  const total = seen.reduce((sum, { all }) => sum + all, 0);
  const centre = Math.exp(seen.reduce((sum, { load, all }) => sum + all * Math.log(load), 0) / total);
  const line = iterate(data, centre);
  if (line === undefined) return undefined;
  let spread = 0;
  let weights = 0;
  for (const { load, good, all } of seen) {
    const share = logistic(line.intercept + line.slope * Math.log(load / centre));
    const variance = share * (1 - share);
    // Where nearly all is good most probes see none of the rare bad groups, and say too little of the spread.
    const weight = Math.sqrt(variance);
    spread += (weight * (good - all * share) ** 2) / (all * variance);
    weights += weight;
  }
  const overdispersion = Math.max(1, (spread / weights) * (seen.length / (seen.length - 2)));
  return { centre, ...line, overdispersion };
}

/** Iterated weighted least squares; steps that overshoot are shortened. */
function iterate(
  probes: readonly ProbeShare[],
  centre: number,
): Pick<ShareCurve, "intercept" | "slope"> | undefined {
  let intercept = 0;
  let slope = 0;
  for (let round = 0; round < 100; round++) {
    const { s0, s1, s2, rows } = moments(probes, { centre, intercept, slope });
    const determinant = s0 * s2 - s1 * s1;
    if (!(determinant > 1e-12 * s0 * s0)) return undefined;
    const u0 = rows.reduce((sum, { residual }) => sum + residual, 0);
    const u1 = rows.reduce((sum, { residual, x }) => sum + residual * x, 0);
    const a = (s2 * u0 - s1 * u1) / determinant;
    const b = (s0 * u1 - s1 * u0) / determinant;
    const reach = Math.abs(a) + Math.abs(b) * Math.sqrt(s2 / s0);
    const damping = Math.min(1, 2 / reach);
    intercept += damping * a;
    slope += damping * b;
    if (Math.abs(slope) > STEEPEST) return undefined;
    if (reach < 1e-9) return { intercept, slope };
  }
  return undefined;
}

/** Each probe's weight in the line, its place, and how far off it is; the weights' moments. */
function moments(probes: readonly ProbeShare[], line: Omit<ShareCurve, "overdispersion">) {
  const rows = probes.map(({ load, good, all }) => {
    const x = Math.log(load / line.centre);
    const share = logistic(line.intercept + line.slope * x);
    return { x, weight: all * share * (1 - share), residual: good - all * share };
  });
  const sum = (power: number) => rows.reduce((total, { x, weight }) => total + weight * x ** power, 0);
  return { rows, s0: sum(0), s1: sum(1), s2: sum(2) };
}

/** Firth's correction as data: half a good and half a bad request for each unit of a probe's leverage. */
function corrected(probes: readonly ProbeShare[], curve: ShareCurve): ProbeShare[] {
  const { rows, s0, s1, s2 } = moments(probes, curve);
  const determinant = s0 * s2 - s1 * s1;
  return probes.map((probe, i) => {
    const { x, weight } = rows[i] as (typeof rows)[number];
    const leverage = (weight * (s2 - 2 * s1 * x + s0 * x * x)) / determinant;
    const extra = curve.overdispersion * leverage;
    return { ...probe, good: probe.good + extra / 2, all: probe.all + extra };
  });
}

/** The best line among those through (load, target). */
function lineThrough(probes: readonly ProbeShare[], load: number, target: number): (load: number) => number {
  const fixed = logit(target);
  const rows = probes.map((probe) => ({ ...probe, x: Math.log(probe.load / load) }));
  let low = -STEEPEST;
  let high = 0;
  // The score falls as the slope grows: its zero by bisection.
  while (high - low > 1e-7) {
    const slope = (low + high) / 2;
    const score = rows.reduce(
      (sum, { x, good, all }) => sum + (good - all * logistic(fixed + slope * x)) * x,
      0,
    );
    if (score > 0) low = slope;
    else high = slope;
  }
  const slope = (low + high) / 2;
  return (at) => logistic(fixed + slope * Math.log(at / load));
}

function deviance(probes: readonly ProbeShare[], shareAtLoad: (load: number) => number): number {
  const term = (seen: number, expected: number): number =>
    seen === 0 ? 0 : seen * Math.log(seen / expected);
  return (
    2 *
    probes.reduce((sum, { load, good, all }) => {
      const share = shareAtLoad(load);
      return sum + term(good, all * share) + term(all - good, all * (1 - share));
    }, 0)
  );
}
