import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** What a hub says a file's bytes hash to: SHA-256, or git's hash of a blob. */
export interface FileDigest {
  readonly kind: "sha256" | "git";
  readonly hex: string;
}

/** Both hashes of a file, fed in order. */
export interface Digester {
  add(bytes: Uint8Array): void;
  /** Ends it. `matches`: the hash that was wanted is this one. */
  end(): { readonly sha256: string; readonly matches: boolean };
}

/** Git hashes `blob <size>` and a zero byte before the content, so the size must be known (git-hash-object). */
export function createDigester(size: number, wanted?: FileDigest): Digester {
  const sha256 = createHash("sha256");
  const git = wanted?.kind === "git" ? createHash("sha1").update(`blob ${size}\0`) : undefined;
  return {
    add(bytes) {
      sha256.update(bytes);
      git?.update(bytes);
    },
    end() {
      const hex = sha256.digest("hex");
      return { sha256: hex, matches: wanted === undefined || wanted.hex === (git?.digest("hex") ?? hex) };
    },
  };
}

const blockBytes = 1 << 20;

/** Feeds the first `length` bytes of a file; resolves with how many there were. */
export async function digestStart(
  file: FileHandle,
  length: number,
  digester: Digester,
  options: { signal?: AbortSignal | undefined; onRead?: (bytes: number) => void } = {},
): Promise<number> {
  const block = Buffer.allocUnsafe(blockBytes);
  let at = 0;
  while (at < length) {
    options.signal?.throwIfAborted();
    const { bytesRead } = await file.read(block, 0, Math.min(blockBytes, length - at), at);
    if (bytesRead === 0) break;
    digester.add(block.subarray(0, bytesRead));
    at += bytesRead;
    options.onRead?.(bytesRead);
  }
  return at;
}

/** Reads a whole file for its hashes. */
export async function digestFile(
  path: string,
  size: number,
  wanted?: FileDigest,
  options: { signal?: AbortSignal | undefined; onRead?: (bytes: number) => void } = {},
): Promise<{ readonly sha256: string; readonly matches: boolean }> {
  const file = await open(path, "r");
  try {
    const digester = createDigester(size, wanted);
    const read = await digestStart(file, size, digester, options);
    const { sha256, matches } = digester.end();
    return { sha256, matches: matches && read === size };
  } finally {
    await file.close();
  }
}
