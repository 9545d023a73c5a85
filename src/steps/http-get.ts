import { Agent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Get } from "../engines/detect.ts";

export interface GetOptions {
  /** Base URL without /v1; paths are added to it. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM of a certificate authority to trust beside the system's. */
  readonly ca?: string;
  readonly timeoutMs?: number;
  /** Keeps connections for the next request. Default: each request has one of its own. */
  readonly agent?: Agent;
}

/** Keeps one connection for requests that come again and again; whoever made it destroys it. */
export function createAgent(url: string): Agent {
  const options = { keepAlive: true, maxSockets: 1 };
  return url.startsWith("https:") ? new HttpsAgent(options) : new Agent(options);
}

/** GET requests that are no load: what a server says of itself. Answers are cut at 1 MB. */
export function createGet(options: GetOptions): Get {
  const base = options.url.replace(/\/+$/, "");
  const send = base.startsWith("https:") ? httpsRequest : httpRequest;
  return (path) =>
    new Promise((resolve, reject) => {
      const outgoing = send(
        `${base}${path}`,
        {
          agent: options.agent ?? false,
          headers: {
            accept: "application/json",
            ...options.headers,
            ...(options.agent === undefined ? { connection: "close" } : {}),
          },
          signal: AbortSignal.timeout(options.timeoutMs ?? 5000),
          ...(options.ca === undefined ? {} : { ca: options.ca }),
        },
        (response) => {
          const parts: Buffer[] = [];
          let size = 0;
          response.on("data", (part: Buffer) => {
            size += part.length;
            if (size <= 1e6) parts.push(part);
            else response.destroy();
          });
          const finish = () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(
                Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
              ),
              text: Buffer.concat(parts).toString("utf8"),
            });
          response.once("end", finish);
          response.once("close", finish);
          response.once("error", reject);
        },
      );
      outgoing.once("error", reject);
      outgoing.end();
    });
}
