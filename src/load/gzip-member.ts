import { promisify } from "node:util";
import { constants, crc32, deflateRaw, gunzip } from "node:zlib";

const deflateRawAsync = promisify(deflateRaw);
const gunzipAsync = promisify(gunzip);

/**
 * A gzip member that says how long it is, in an extra field of its header (RFC 1952, 2.3.1.1; identifier "LB", the whole
 * member's bytes as 32 bits). Any gunzip reads a file of them; a reader that knows the field finds each member's end
 * without decompressing, and so where a torn file stops being whole. The idea is BGZF's.
 */
const headerBytes = 20;
const trailerBytes = 8;

/** Compresses off the event loop. */
export async function packMember(data: Buffer): Promise<Buffer> {
  const deflated = await deflateRawAsync(data, { level: constants.Z_BEST_SPEED });
  const member = Buffer.allocUnsafe(headerBytes + deflated.length + trailerBytes);
  // ID1 ID2, deflate, FEXTRA, no time, no flags, unknown system; XLEN 8; "LB", 4 bytes.
  member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x4c, 0x42, 4, 0]);
  member.writeUInt32LE(member.length, 16);
  deflated.copy(member, headerBytes);
  member.writeUInt32LE(crc32(data), headerBytes + deflated.length);
  member.writeUInt32LE(data.length, headerBytes + deflated.length + 4);
  return member;
}

/** Bytes of the member that begins with `head`; undefined when it is gzip of another make. Throws when not gzip. */
export function memberLength(head: Buffer): number | undefined {
  if (head.length < 2 || head[0] !== 0x1f || head[1] !== 0x8b) throw new Error("not gzip");
  if (head.length < headerBytes) throw new Error("cut inside a header");
  if (((head[3] ?? 0) & 4) === 0 || head[12] !== 0x4c || head[13] !== 0x42) return undefined;
  return head.readUInt32LE(16);
}

export const memberHeaderBytes = headerBytes;

/** Rejects when the bytes are not whole: cut, or with another checksum. */
export async function unpackMember(member: Buffer): Promise<Buffer> {
  return gunzipAsync(member);
}
