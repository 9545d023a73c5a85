import { request } from "node:http";

/**
 * One GET on a fresh connection to 127.0.0.1: the status, or undefined when no answer came within `timeoutMs`.
 * Never rejects.
 */
export async function probe(
  port: number,
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const get = request(
      {
        host: "127.0.0.1",
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
