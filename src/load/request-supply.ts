import type { RequestSource } from "./measurement.ts";
import type { LoadSetting } from "./record.ts";
import { requestOrder, type Share } from "./share.ts";
import type { TransportRequest } from "./transport.ts";
import type { RequestRun } from "./worker-messages.ts";

/** The requests of one worker in the order in which it sends them. */
export class RequestSupply {
  readonly #source: RequestSource;
  readonly #order: (n: number) => number;
  readonly #requests: number;
  #next = 0;

  constructor(source: RequestSource, load: LoadSetting, share: Share) {
    this.#source = source;
    this.#order = requestOrder(load, share);
    this.#requests = load.requests ?? Number.POSITIVE_INFINITY;
  }

  /** The next `count`, or all that are left. Throws what the source throws. */
  next(count: number): RequestRun[] {
    const runs: { request: TransportRequest; times: number; from: TransportRequest }[] = [];
    for (let left = count; left > 0; left--) {
      const i = this.#order(this.#next);
      if (i >= this.#requests) break;
      this.#next++;
      const from = this.#source(i);
      const last = runs.at(-1);
      if (last?.from === from) last.times++;
      else runs.push({ request: ownBytes(from), times: 1, from });
    }
    return runs.map(({ request, times }) => ({ request, times }));
  }
}

/** A message takes a view's whole memory along, and small buffers share theirs. */
function ownBytes(request: TransportRequest): TransportRequest {
  return request.body === undefined ? request : { ...request, body: new Uint8Array(request.body) };
}
