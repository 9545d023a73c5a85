import { spread } from "./statistics.ts";

/** Of requests that client and server both stamped, medians, ms. */
export interface TtftError {
  /** The client's TTFT less the server's: from the request read to the first text written. */
  readonly ttft: number;
  /** Its two parts: from sent to read by the server, and from written to read by the client. */
  readonly there: number;
  readonly back: number;
}

type Stamps = readonly [i: number, first: number, second: number][];

/** Both clocks are the machine's monotonic one, microseconds. Throws unless every request was stamped by both. */
export function ttftError(client: Stamps, server: Stamps): TtftError {
  const served = new Map(server.map(([i, readUs, writtenUs]) => [i, { readUs, writtenUs }]));
  const there: number[] = [];
  const back: number[] = [];
  const ttft: number[] = [];
  for (const [i, sentUs, textUs] of client) {
    const stamps = served.get(i);
    if (stamps === undefined) throw new Error(`the server has no stamps of request ${i}`);
    there.push((stamps.readUs - sentUs) / 1000);
    back.push((textUs - stamps.writtenUs) / 1000);
    ttft.push((textUs - sentUs - (stamps.writtenUs - stamps.readUs)) / 1000);
  }
  return { ttft: spread(ttft).median, there: spread(there).median, back: spread(back).median };
}
