import { type Behaviour, Effects, type When } from "./options.ts";
import { mix } from "./random.ts";

/** Header that sets effects of one request, as JSON: for tests that share a simulator. */
export const effectsHeader = "x-sim-effects";

/**
 * What is done to request `index`: the effects of all, of the rules that match, and of the request's own header.
 * Undefined when the header is not understood.
 */
export function effectsOf(
  behaviour: Behaviour,
  seed: number,
  index: number,
  header: string | undefined,
): Effects | undefined {
  if (behaviour.rules === undefined && header === undefined) return behaviour.always ?? {};
  const own = header === undefined ? {} : readHeader(header);
  if (own === undefined) return undefined;
  const matching = (behaviour.rules ?? []).filter(({ when }, rule) => matches(when, mix(seed, rule), index));
  return Object.assign({}, behaviour.always, ...matching.map(({ effects }) => effects), own) as Effects;
}

function readHeader(header: string): Effects | undefined {
  try {
    // Headers are read as Latin-1; what was written may be UTF-8.
    return Effects.parse(JSON.parse(Buffer.from(header, "latin1").toString("utf8")));
  } catch {
    return undefined;
  }
}

function matches(when: When, seed: number, index: number): boolean {
  const { indices, from = 0, to = Infinity, every = 1, probability = 1 } = when;
  if (indices !== undefined && !indices.includes(index)) return false;
  if (index < from || index > to || (index - from) % every !== 0) return false;
  return probability === 1 || mix(seed, index) / 4294967296 < probability;
}
