import { createNetTransport } from "./net-transport.ts";
import type { Transport, TransportOptions } from "./transport.ts";
import { createUndiciTransport } from "./undici-transport.ts";

/** The transport for an origin: our own reader for plain HTTP, undici where TLS is spoken. */
export function createTransport(options: TransportOptions): Transport {
  return new URL(options.origin).protocol === "http:"
    ? createNetTransport(options)
    : createUndiciTransport(options);
}
