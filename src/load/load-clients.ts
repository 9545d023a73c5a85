import type { Clock } from "./clock.ts";
import type { LoadClient } from "./load-client.ts";
import { LoadWorker } from "./load-worker.ts";
import { LocalClient } from "./local-client.ts";
import { ThreadedClient } from "./threaded-client.ts";
import { workerCode } from "./worker-code.ts";
import type { ClientSettings } from "./worker-messages.ts";
import { transportFor } from "./worker-side.ts";

/** Makes load clients. Workers are started when they are first needed and used again: a warm one reads faster. */
export class LoadClients {
  readonly #workers: LoadWorker[] = [];

  /** A client of so many workers: one is the thread that asks. One client of several is open at a time. */
  async open(clock: Clock, settings: ClientSettings, workers: number): Promise<LoadClient> {
    if (workers <= 1) return new LocalClient(transportFor(settings, clock), clock);
    for (const [k, worker] of this.#workers.entries()) {
      if (!worker.alive) this.#workers[k] = new LoadWorker(await workerCode());
    }
    while (this.#workers.length < workers) this.#workers.push(new LoadWorker(await workerCode()));
    return await ThreadedClient.begin(this.#workers.slice(0, workers), clock, settings);
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }
}
