import type { Capture } from "../fixtures/captures.ts";

/** An HTTP/1.1 answer taken apart, each piece of the body with the place in the raw bytes where it stood. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: readonly { readonly at: number; readonly bytes: Buffer }[];
}

/** Takes an answer apart, whole or cut. Written for these tests: the client's own parser is undici's. */
export function parseAnswer(raw: Buffer): HttpAnswer {
  const headEnd = raw.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = raw.subarray(0, headEnd).toString("latin1").split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(statusLine.split(" ")[1]);
  const start = headEnd + 4;
  if (headers["transfer-encoding"] !== "chunked") {
    return { status, headers, body: [{ at: start, bytes: raw.subarray(start) }] };
  }
  const body: { at: number; bytes: Buffer }[] = [];
  for (let at = start; at < raw.length; ) {
    const lineEnd = raw.indexOf("\r\n", at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(raw.subarray(at, lineEnd).toString("latin1"), 16);
    if (size === 0) break;
    const from = lineEnd + 2;
    body.push({ at: from, bytes: raw.subarray(from, Math.min(from + size, raw.length)) });
    at = from + size + 2;
  }
  return { status, headers, body };
}

/** The reads in which a capture's body came: for each, its time in microseconds and the pieces of body in it. */
export function bodyReads(capture: Capture): { atUs: number; pieces: Buffer[] }[] {
  const answer = parseAnswer(capture.response);
  const last = capture.reads.at(-1);
  const known = last === undefined ? 0 : last.offset + last.size;
  const reads = capture.reads.map(({ offset, size, seconds }) => ({
    from: offset,
    to: offset + size,
    seconds,
  }));
  // The capture names at most 80 reads: what came after them counts as one.
  if (known < capture.response.length) {
    reads.push({ from: known, to: capture.response.length, seconds: (last?.seconds ?? 0) + 0.001 });
  }
  return reads.map(({ from, to, seconds }, index) => ({
    // Reads within the same millisecond have the same time in the capture.
    atUs: seconds * 1e6 + index,
    pieces: answer.body.flatMap(({ at, bytes }) => {
      const piece = bytes.subarray(Math.max(0, from - at), Math.max(0, Math.min(bytes.length, to - at)));
      return piece.length > 0 ? [piece] : [];
    }),
  }));
}
