import { Writable } from "node:stream";

/** Shorter ones are found by chance in any binary file. */
const shortest = 6;

/** Takes bytes and notes whether one of these texts is among them; keeps nothing. */
export class SecretScan extends Writable {
  readonly #needles: readonly Buffer[];
  readonly #overlap: number;
  #tail: Buffer = Buffer.alloc(0);
  found = false;

  constructor(secrets: Iterable<string>) {
    super();
    const texts = [...new Set(secrets)].filter((text) => text.length >= shortest);
    this.#needles = texts.map((text) => Buffer.from(text));
    this.#overlap = Math.max(0, ...this.#needles.map((needle) => needle.length - 1));
  }

  override _write(part: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const seen = Buffer.concat([this.#tail, part]);
    this.found ||= this.#needles.some((needle) => seen.includes(needle));
    this.#tail = seen.subarray(Math.max(0, seen.length - this.#overlap));
    done();
  }
}
