/** A seeded source of random numbers. */
export interface Random {
  /** Uniform in [0, 1), with 32 random bits. */
  next(): number;
  /** Uniform whole number in [0, n), n up to 2^32. */
  below(n: number): number;
  /** Exponential with mean 1. */
  exponential(): number;
}

/**
 * The numbers of sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand 0.93): 128 bits of state, period
 * at least 2^32. The state is the seed's low and high 32 bits and a hash (FNV-1a) of `stream`, stirred 15 times. The same
 * seed and stream give the same numbers in every version of this program; different streams are independent.
 */
export function createRandom(seed: number, stream = ""): Random {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = fnv1a(stream);
  let counter = 1;
  const next32 = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) next32();
  const next = () => next32() / 2 ** 32;
  return {
    next,
    below: (n) => Math.floor(next() * n),
    // 1 - next() is in (0, 1], so the logarithm is finite.
    exponential: () => -Math.log(1 - next()),
  };
}

/** Puts `items` in random order, in place (Fisher and Yates), and gives them back. */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const moved = items[i] as T;
    items[i] = items[j] as T;
    items[j] = moved;
  }
  return items;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}
