import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import { version } from "../version.ts";
import type { GetOptions, HubAnswer, HubClient } from "./client.ts";

const mostRedirects = 10;
/** A connection that says nothing for so long is given up; the next goes on where it stopped. */
const silenceMs = 60_000;

/** A hub's client over undici: HTTP(S)_PROXY and NO_PROXY count, and so does NODE_EXTRA_CA_CERTS. */
export function createHubClient(options: { endpoint: string; token?: string | undefined }): HubClient {
  const { endpoint, token } = options;
  const home = new URL(endpoint).origin;
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: 30_000 },
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  });

  async function get(path: string, { headers, signal }: GetOptions): Promise<HubAnswer> {
    let url = new URL(`${endpoint}${path}`);
    let first: Dispatcher.ResponseData | undefined;
    for (let redirects = 0; ; redirects++) {
      const response = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: "GET",
        headers: {
          // The sizes and ranges that count are those of the file, not of a compressed copy.
          "accept-encoding": "identity",
          "user-agent": `llmbench/${version}`,
          ...headers,
          ...(token !== undefined && url.origin === home && { authorization: `Bearer ${token}` }),
        },
        signal,
      });
      first ??= response;
      const location = headerOf(response, "location");
      const redirected = response.statusCode >= 300 && response.statusCode < 400 && location !== undefined;
      if (!redirected || redirects === mostRedirects) return answerOf(response, first, url);
      await response.body.dump();
      url = new URL(location, url);
      if (!/^https?:$/.test(url.protocol)) throw new TypeError(`a redirect leads to ${url.protocol}`);
    }
  }

  return { endpoint, get, close: () => agent.destroy() };
}

function answerOf(
  response: Dispatcher.ResponseData,
  first: Dispatcher.ResponseData,
  { origin, pathname }: URL,
): HubAnswer {
  return {
    status: response.statusCode,
    place: `${origin}${pathname}`,
    header: (name) => headerOf(response, name),
    hubHeader: (name) => headerOf(first, name),
    body: response.body as AsyncIterable<Uint8Array>,
    text: () => response.body.text(),
    discard: () => response.body.dump(),
  };
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
