/** Getting things from a hub over HTTP, without knowing the library that does it. */
export interface HubClient {
  /** The hub's own address, without a slash at its end. */
  readonly endpoint: string;
  /**
   * Asks for a path below the endpoint and follows redirects. The token goes to the endpoint's origin and nowhere else.
   * Rejects with whatever the network threw, never because of a status.
   */
  get(path: string, options: GetOptions): Promise<HubAnswer>;
  close(): Promise<void>;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface HubAnswer {
  readonly status: number;
  /** Origin and path that answered: never the query, in which a content network's addresses carry their signature. */
  readonly place: string;
  header(name: string): string | undefined;
  /** A header of the hub's own answer, where that was a redirect. */
  hubHeader(name: string): string | undefined;
  /** The bytes as they come; throws what the network threw. */
  readonly body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
  /** Lets go of a body that nobody wants. */
  discard(): Promise<void>;
}
