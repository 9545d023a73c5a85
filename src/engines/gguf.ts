import { closeSync, openSync, readSync } from "node:fs";

/** Bytes: far beyond the tokenizer of any model. */
const longestHeader = 1 << 29;

/** What the header of a GGUF file says. */
export interface GgufHeader {
  readonly version: number;
  readonly architecture?: string;
  readonly name?: string;
  /** Precision of most weights in llama.cpp's words, e.g. "Q4_1", "Q4_K_M", "BF16". */
  readonly precision?: string;
}

/**
 * Reads the header of a GGUF file. Throws when it is none.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function readGgufHeader(path: string): GgufHeader {
  const file = openSync(path, "r");
  try {
    // The metadata holds the tokenizer, some megabytes: read more until it is whole.
    for (let size = 1 << 16; ; size *= 4) {
      const bytes = Buffer.alloc(size);
      const length = readSync(file, bytes, 0, size, 0);
      try {
        return parseHeader(new Cursor(bytes.subarray(0, length)));
      } catch (error) {
        if (!(error instanceof RangeError) || length < size || size > longestHeader) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

const kept = new Set(["general.architecture", "general.name", "general.file_type"]);

function parseHeader(cursor: Cursor): GgufHeader {
  if (cursor.bytes(4).toString("latin1") !== "GGUF") throw new Error("not a GGUF file");
  const version = cursor.u32();
  if (version < 2 || version > 3) throw new Error(`GGUF version ${version} is not known`);
  const tensors = cursor.u64();
  const pairs = cursor.u64();
  const values = new Map<string, unknown>();
  for (let i = 0; i < pairs; i++) {
    const key = cursor.string();
    const value = cursor.value(cursor.u32());
    if (kept.has(key)) values.set(key, value);
  }
  const fileType = values.get("general.file_type");
  const precision =
    (typeof fileType === "number" ? fileTypes[fileType] : undefined) ?? commonType(cursor, tensors);
  const architecture = values.get("general.architecture");
  const name = values.get("general.name");
  return {
    version,
    ...(typeof architecture === "string" ? { architecture } : {}),
    ...(typeof name === "string" ? { name } : {}),
    ...(precision === undefined ? {} : { precision }),
  };
}

/** Type of most weights, from the list of tensors that follows the metadata. */
function commonType(cursor: Cursor, tensors: number): string | undefined {
  const weights = new Map<number, number>();
  for (let i = 0; i < tensors; i++) {
    cursor.string();
    const dimensions = Array.from({ length: cursor.u32() }, () => cursor.u64());
    const type = cursor.u32();
    cursor.u64(); // offset
    const count = dimensions.reduce((product, size) => product * size, 1);
    weights.set(type, (weights.get(type) ?? 0) + count);
  }
  const [most] = [...weights].sort((a, b) => b[1] - a[1]);
  return most === undefined ? undefined : tensorTypes[most[0]];
}

/** Sizes in bytes of the value types 0 to 12; 8 is a string and 9 an array. */
const sizes: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];

/** Reads on; throws RangeError at the end of the bytes. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError("the header goes on");
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  u32(): number {
    return this.bytes(4).readUInt32LE();
  }

  u64(): number {
    return Number(this.bytes(8).readBigUInt64LE());
  }

  string(): string {
    return this.bytes(this.u64()).toString("utf8");
  }

  /** Strings and unsigned 32-bit numbers are returned, the rest is passed over. */
  value(type: number): unknown {
    if (type === 8) return this.string();
    if (type === 4) return this.u32();
    if (type === 9) {
      const inner = this.u32();
      const count = this.u64();
      const size = sizes[inner];
      if (size !== undefined) this.bytes(size * count);
      else for (let i = 0; i < count; i++) this.value(inner);
      return undefined;
    }
    const size = sizes[type];
    if (size === undefined) throw new Error(`GGUF value type ${type} is not known`);
    this.bytes(size);
    return undefined;
  }
}

/** `general.file_type`: enum llama_ftype of llama.cpp. */
const fileTypes: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  7: "Q8_0",
  8: "Q5_0",
  9: "Q5_1",
  10: "Q2_K",
  11: "Q3_K_S",
  12: "Q3_K_M",
  13: "Q3_K_L",
  14: "Q4_K_S",
  15: "Q4_K_M",
  16: "Q5_K_S",
  17: "Q5_K_M",
  18: "Q6_K",
  19: "IQ2_XXS",
  20: "IQ2_XS",
  21: "Q2_K_S",
  22: "IQ3_XS",
  23: "IQ3_XXS",
  24: "IQ1_S",
  25: "IQ4_NL",
  26: "IQ3_S",
  27: "IQ3_M",
  28: "IQ2_S",
  29: "IQ2_M",
  30: "IQ4_XS",
  31: "IQ1_M",
  32: "BF16",
  36: "TQ1_0",
  37: "TQ2_0",
  38: "MXFP4_MOE",
};

/** Type of a tensor: enum ggml_type of ggml. */
const tensorTypes: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};
