/** What is measured, as in the comparison of load generators that this project began with. */
export interface Scenario {
  readonly name: string;
  readonly words: string;
  readonly streams: number;
  readonly requests: number;
  /** Of the other load generators, which take longer. */
  readonly peerRequests: number;
  readonly tokens: number;
  /** Events in a write; first text after, and a write each, ms: 0, everything at once. */
  readonly perWrite: number;
  readonly ttftMs: number;
  readonly gapMs: number;
  /** At most so many times what bare undici takes; at least so many times less than each other load generator. */
  readonly target?: { readonly bare: number; readonly guidellm: number; readonly aiperf: number };
}

export const scenarios: readonly Scenario[] = [
  {
    name: "unthrottled",
    words: "64 streams, unthrottled, 256 tokens",
    streams: 64,
    requests: 2000,
    peerRequests: 400,
    tokens: 256,
    perWrite: 1,
    ttftMs: 0,
    gapMs: 0,
    target: { bare: 1.2, guidellm: 25, aiperf: 25 },
  },
  {
    name: "writes",
    words: "64 streams, an answer a write, 256 tokens",
    streams: 64,
    requests: 8000,
    peerRequests: 400,
    tokens: 256,
    perWrite: 1000,
    ttftMs: 0,
    gapMs: 0,
    target: { bare: 1.2, guidellm: 25, aiperf: 25 },
  },
  {
    name: "streams",
    words: "1,000 streams, a token each 20 ms, 128 tokens",
    streams: 1000,
    requests: 2000,
    peerRequests: 2000,
    tokens: 128,
    perWrite: 1,
    ttftMs: 50,
    gapMs: 20,
    target: { bare: 0.7, guidellm: 12, aiperf: 8 },
  },
  {
    name: "one",
    words: "one stream, a token each 10 ms, 128 tokens",
    streams: 1,
    requests: 20,
    peerRequests: 20,
    tokens: 128,
    perWrite: 1,
    ttftMs: 50,
    gapMs: 10,
  },
];
