/** Words of a read: the gap before it, chunks of text in it, bytes of text. */
const wordsPerRead = 3;

/**
 * The reads of one answer that carried generated text, in one typed array that grows and is used again for the next
 * request; plain arrays are made only when the record is written.
 */
export class ReadSeries {
  #reads = new Uint32Array(64 * wordsPerRead);
  #length = 0;
  #coalesced = 0;
  #lastUs = 0;
  #chunkCount = 0;
  /** Tokens of each chunk with text, by two ways the server may say it. */
  readonly #byUsage = new TokenCounts();
  readonly #byIds = new TokenCounts();

  /** Reads with text so far, and chunks with text. */
  get length(): number {
    return this.#length;
  }

  get chunkCount(): number {
    return this.#chunkCount;
  }

  /** Reads that carried more than one chunk. */
  get coalesced(): number {
    return this.#coalesced;
  }

  clear(): void {
    this.#length = 0;
    this.#coalesced = 0;
    this.#chunkCount = 0;
    this.#byUsage.clear();
    this.#byIds.clear();
  }

  /** One chunk of text, read at `atUs` (whole microseconds); `sameRead`: it came in the read of the chunk before. */
  add(atUs: number, sameRead: boolean, bytes: number): void {
    const reads = this.#reads;
    if (sameRead) {
      const last = (this.#length - 1) * wordsPerRead;
      const chunks = (reads[last + 1] ?? 0) + 1;
      reads[last + 1] = chunks;
      reads[last + 2] = (reads[last + 2] ?? 0) + bytes;
      if (chunks === 2) this.#coalesced++;
      return;
    }
    const at = this.#length * wordsPerRead;
    if (at === reads.length) {
      this.#reads = new Uint32Array(at * 2);
      this.#reads.set(reads);
    }
    this.#reads[at] = at === 0 ? 0 : atUs - this.#lastUs;
    this.#reads[at + 1] = 1;
    this.#reads[at + 2] = bytes;
    this.#lastUs = atUs;
    this.#length++;
  }

  /** Token counts of the chunk just added; -1 where the server does not say. */
  addTokens(byUsage: number, byIds: number): void {
    const at = this.#chunkCount++;
    if (byUsage >= 0) this.#byUsage.add(at, byUsage);
    if (byIds >= 0) this.#byIds.add(at, byIds);
  }

  reads(): { gapsUs: number[]; chunks: number[]; bytes: number[] } {
    return { gapsUs: this.#column(0), chunks: this.#column(1), bytes: this.#column(2) };
  }

  /** Tokens of every chunk, or undefined unless each chunk's count is known. */
  tokensByUsage(): number[] | undefined {
    return this.#byUsage.ofAll(this.#chunkCount);
  }

  tokensByIds(): number[] | undefined {
    return this.#byIds.ofAll(this.#chunkCount);
  }

  #column(word: number): number[] {
    const column: number[] = [];
    for (let i = word; i < this.#length * wordsPerRead; i += wordsPerRead) column.push(this.#reads[i] ?? 0);
    return column;
  }
}

/** Counts of the first so many chunks, as far as none is missing. */
class TokenCounts {
  #counts = new Uint32Array(0);
  #known = 0;

  clear(): void {
    this.#known = 0;
  }

  /** The count of chunk `at`. */
  add(at: number, count: number): void {
    if (at !== this.#known) return;
    if (at === this.#counts.length) {
      const larger = new Uint32Array(Math.max(64, at * 2));
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts[at] = count;
    this.#known = at + 1;
  }

  ofAll(chunks: number): number[] | undefined {
    return chunks === 0 || this.#known !== chunks ? undefined : Array.from(this.#counts.subarray(0, chunks));
  }
}
