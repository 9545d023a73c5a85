import { request } from "node:http";

export interface ProbeOptions {
  /** This machine where none is given. */
  readonly host?: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** One GET on a fresh connection: the status, or undefined when no answer came within `timeoutMs`. Never rejects. */
export async function probe({
  host = "127.0.0.1",
  port,
  path,
  timeoutMs,
  signal,
}: ProbeOptions): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const get = request(
      {
        host,
        port,
        path,
        agent: false,
        headers: { connection: "close" },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode));
        response.once("error", () => resolve(undefined));
        response.once("close", () => resolve(undefined));
      },
    );
    get.once("error", () => resolve(undefined));
    get.end();
  });
}
