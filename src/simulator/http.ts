/** One HTTP request, read whole. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  /** Names in lower case; of a repeated header the last value. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A whole answer, before its dialect gives it a head. */
export interface HttpAnswer {
  readonly status: number;
  /** Absent: no such header (empty bodies of some servers). */
  readonly contentType?: string;
  /** Further header lines, without line end. */
  readonly headers?: readonly string[];
  readonly body: string;
  /** Sent as one HTTP chunk instead of with a content-length (SGLang's /metrics). */
  readonly chunked?: boolean;
  /** The server closes the connection after it, and says so or not. */
  readonly close?: "announced" | "silent";
  /** Written below the server's middleware, without the headers that it adds. */
  readonly bare?: boolean;
}

/** What a dialect's head of an answer is made from. */
export interface Head {
  readonly status: number;
  readonly contentType?: string;
  /** Body length in bytes; absent: HTTP chunks. */
  readonly length?: number;
  readonly headers: readonly string[];
  readonly stream: boolean;
  readonly close?: "announced" | "silent" | undefined;
  readonly bare?: boolean;
}

const statusTexts: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Entity",
  424: "Failed Dependency",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${statusTexts[status] ?? "Unknown"}`;
}

const maxHeadBytes = 65_536;

/** Cuts a connection's bytes into requests. Bodies need a content-length. */
export class RequestReader {
  #bytes: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /** True when a part of a request waits for its rest. */
  get pending(): boolean {
    return this.#bytes.length > 0;
  }

  /** The next whole request; undefined while it is not all there; a status when it is none. */
  next(): HttpRequest | { readonly refuse: 400 | 411 } | undefined {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return this.#bytes.length > maxHeadBytes ? { refuse: 400 } : undefined;
    const [first = "", ...lines] = this.#bytes.toString("latin1", 0, end).split("\r\n");
    const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first);
    if (match === null) return { refuse: 400 };
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    if (headers.has("transfer-encoding")) return { refuse: 411 };
    const length = Number(headers.get("content-length") ?? 0);
    if (!Number.isInteger(length) || length < 0) return { refuse: 400 };
    const from = end + 4;
    if (this.#bytes.length < from + length) return undefined;
    const body = this.#bytes.subarray(from, from + length);
    this.#bytes = this.#bytes.subarray(from + length);
    const [, method = "", target = ""] = match;
    const [path = "", query = ""] = target.split("?", 2);
    return { method, path, query, headers, body };
  }
}

/** A connection as the simulator needs it: a socket, or a test's memory. */
export interface Wire {
  readonly clientPort?: number;
  /** Sends now, in one write. Text must be ASCII where `latin1` is said. */
  write(data: string | Buffer, encoding: "latin1" | "utf8"): void;
  /** Orderly end (FIN). */
  end(): void;
  /** TCP reset. */
  reset(): void;
}
