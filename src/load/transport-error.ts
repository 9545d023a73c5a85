import { LlmbenchError } from "../error.ts";

/**
 * A connection that the server had given up before a request went out on it says so at once. One that is lost later had
 * taken the request: sent again, its time until then would be in no latency.
 */
export const givenUpShowsUs = 1e6;

/** A failed connection in words a person can use. */
export function describeError(error: Error): string {
  const { code, reason } = error as NodeJS.ErrnoException & { reason?: string };
  // OpenSSL's messages name its source files; its reason is what a person can use.
  if (reason !== undefined && reason !== "") return `TLS: ${reason} (${code})`;
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join("; ");
  }
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

/** What `open` of a transport rejects with. */
export function connectError(origin: URL, error: unknown): LlmbenchError {
  const reason = error instanceof Error ? describeError(error) : String(error);
  return new LlmbenchError("LOAD_CONNECT", `cannot connect to ${origin.host}: ${reason}`, {
    hint: "is the server up, and is this its address?",
    cause: error,
  });
}
