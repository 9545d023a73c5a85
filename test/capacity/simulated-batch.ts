import type { SimulatorProfile } from "../../src/config/plan.ts";
import { arrivals } from "../../src/load/schedule.ts";
import { Batch } from "../../src/simulator/batch.ts";
import { createRandom } from "../../src/simulator/random.ts";
import { createVirtualTimeline } from "../../src/simulator/timeline.ts";
import { judge, type ServedLoad, type ServerLoad } from "./batch-server.ts";

/** What a simulated server with this latency model answers: every answer has so many tokens, prompts cost nothing. */
export interface SimulatedServer {
  readonly profile: SimulatorProfile;
  readonly outputTokens: number;
  readonly slos: { readonly ttftMs?: number; readonly tpotMs?: number };
}

/** From an answer's last token to the stream's next request, over loopback: less than any step. */
const CLIENT_MS = 1;

/** The simulator's own batch, in time that costs nothing: what `llmbench simulate` does, without HTTP. */
export function serveSimulated(
  server: SimulatedServer,
  load: ServerLoad,
  requests: number,
  seed: number,
): ServedLoad {
  const timeline = createVirtualTimeline(0);
  const batch = new Batch(timeline, server.profile, createRandom(seed));
  const scheduled = new Float64Array(requests);
  const first = new Float64Array(requests);
  const last = new Float64Array(requests);
  const tokens = new Int32Array(requests).fill(server.outputTokens);
  let sent = 0;
  let asked = "concurrency" in load ? Math.min(load.concurrency, requests) : 0;
  const send = () => {
    const id = sent++;
    let left = server.outputTokens;
    scheduled[id] = timeline.nowUs() / 1000;
    batch.submit({
      prefillTokens: 0,
      cancelled: false,
      started: () => {},
      token: (dueUs) => {
        if (left === server.outputTokens) first[id] = dueUs / 1000;
        left--;
        if (left > 0) return true;
        last[id] = dueUs / 1000;
        // The client has read the answer's end when the next step is on its way.
        if ("concurrency" in load && ++asked <= requests) timeline.later(CLIENT_MS, send);
        return false;
      },
    });
  };
  if ("concurrency" in load) for (let i = 0; i < Math.min(load.concurrency, requests); i++) send();
  else {
    const due = arrivals({ arrival: "poisson", ratePerSecond: load.ratePerSecond, outputTokens: 1 }, seed);
    const schedule = () => {
      if (sent < requests)
        timeline.at(due.next().value, () => {
          send();
          schedule();
        });
    };
    schedule();
  }
  timeline.run();
  return judge(server.slos, { scheduled, first, last, tokens });
}
