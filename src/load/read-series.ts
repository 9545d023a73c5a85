/**
 * The reads of one answer that carried generated text, in typed arrays that grow and are used again for the next
 * request; plain arrays are made only when the record is written.
 */
export class ReadSeries {
  #gapsUs = new Uint32Array(64);
  #chunks = new Uint32Array(64);
  #bytes = new Uint32Array(64);
  #length = 0;
  #lastUs = 0;
  /** Tokens of each chunk with text, by two ways the server may say it; -1 where it does not. */
  #usageTokens = new Int32Array(64);
  #idTokens = new Int32Array(64);
  #chunkCount = 0;

  /** Reads with text so far, and chunks with text. */
  get length(): number {
    return this.#length;
  }

  get chunkCount(): number {
    return this.#chunkCount;
  }

  clear(): void {
    this.#length = 0;
    this.#chunkCount = 0;
  }

  /** One chunk of text, read at `atUs` (whole microseconds); chunks of one read have the same `read` number. */
  add(atUs: number, sameRead: boolean, bytes: number): void {
    if (sameRead) {
      const last = this.#length - 1;
      this.#chunks[last] = (this.#chunks[last] ?? 0) + 1;
      this.#bytes[last] = (this.#bytes[last] ?? 0) + bytes;
      return;
    }
    const at = this.#length;
    if (at === this.#gapsUs.length) this.#growReads();
    this.#gapsUs[at] = at === 0 ? 0 : atUs - this.#lastUs;
    this.#chunks[at] = 1;
    this.#bytes[at] = bytes;
    this.#lastUs = atUs;
    this.#length = at + 1;
  }

  /** Token counts of the chunk just added. */
  addTokens(byUsage: number, byIds: number): void {
    const at = this.#chunkCount;
    if (at === this.#usageTokens.length) {
      this.#usageTokens = doubled(this.#usageTokens, new Int32Array(at * 2));
      this.#idTokens = doubled(this.#idTokens, new Int32Array(at * 2));
    }
    this.#usageTokens[at] = byUsage;
    this.#idTokens[at] = byIds;
    this.#chunkCount = at + 1;
  }

  reads(): { gapsUs: number[]; chunks: number[]; bytes: number[] } {
    return {
      gapsUs: Array.from(this.#gapsUs.subarray(0, this.#length)),
      chunks: Array.from(this.#chunks.subarray(0, this.#length)),
      bytes: Array.from(this.#bytes.subarray(0, this.#length)),
    };
  }

  /** Reads that carried more than one chunk. */
  coalesced(): number {
    let count = 0;
    for (let i = 0; i < this.#length; i++) if ((this.#chunks[i] ?? 0) > 1) count++;
    return count;
  }

  /** Tokens of every chunk, or undefined unless each chunk's count is known and none is negative. */
  tokensByUsage(): number[] | undefined {
    return complete(this.#usageTokens.subarray(0, this.#chunkCount));
  }

  tokensByIds(): number[] | undefined {
    return complete(this.#idTokens.subarray(0, this.#chunkCount));
  }

  #growReads(): void {
    const size = this.#gapsUs.length * 2;
    this.#gapsUs = doubled(this.#gapsUs, new Uint32Array(size));
    this.#chunks = doubled(this.#chunks, new Uint32Array(size));
    this.#bytes = doubled(this.#bytes, new Uint32Array(size));
  }
}

function doubled<T extends Uint32Array | Int32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

function complete(tokens: Int32Array): number[] | undefined {
  if (tokens.length === 0 || tokens.some((count) => count < 0)) return undefined;
  return Array.from(tokens);
}
