import type { Ending, Instrument, RequestCounts } from "./schema/summary.ts";
import type { Reason } from "./schema/verdict.ts";
import { percent, THRESHOLDS } from "./thresholds.ts";

/** A shorter measurement is mostly the load generator's own start: code that is compiled, connections that open. */
const LEAST_SECONDS_FOR_CPU = 1;

/** What only the one who measured knows. */
export interface Circumstances {
  readonly simulated: boolean;
  /** `forced`: the engine was told to reach the target; `not-forceable`: asked for, but it cannot; `free`: not asked. */
  readonly outputLength: "forced" | "not-forceable" | "free";
  /** The point's cache contract. */
  readonly cache: "warm" | "cold" | "shared-prefix";
  /** Tokens of each prompt that come from the server's cache under that contract, at least and at most; absent under `warm`. */
  readonly expectedCachedTokens?: readonly [number, number];
  /** The server was started for this run: nobody else asks it. */
  readonly ownServer: boolean;
  /** The server instance was not the same at both ends. */
  readonly instanceChanged: boolean;
  /** How the instance before ended and what to do, in sentences, where the back end saw it. */
  readonly instanceEnded?: string;
  /** What ended a load that goes on until it is precise; unless it was interrupted. */
  readonly endedBy?: Exclude<Ending["by"], "interrupted">;
  /** The run was stopped before the measurement was whole. */
  readonly interrupted: boolean;
  /** Client and server share a machine. */
  readonly clientBesideServer: boolean;
  /** CPU and wall time of the load generator's process while it measured, and what a replay showed. */
  readonly client?: Pick<Instrument, "cpuSeconds" | "wallSeconds" | "replay" | "workers">;
  /** Servers of other benchmarks that were up on this machine meanwhile, in words. */
  readonly otherServers?: readonly string[];
  /** What the back end found that only it can see. */
  readonly reasons?: readonly Reason[];
}

/** What the client, the server's life and the machine add to a verdict. */
export function judgeCircumstances(requests: RequestCounts, circumstances: Circumstances): Reason[] {
  const reasons = [...judgeClientCpu(circumstances), ...judgeCompany(circumstances)];
  if (circumstances.instanceChanged) {
    reasons.push({
      code: "instance-changed",
      status: "invalid",
      text: `The server was replaced or restarted in the middle of the measurement${circumstances.instanceEnded === undefined ? "." : `: ${circumstances.instanceEnded}`}`,
    });
  }
  if (circumstances.interrupted) {
    const ended = requests.ok + requests.failed + requests.timedOut;
    reasons.push({
      code: "interrupted",
      status: "suspect",
      text: `Stopped after ${ended} of ${requests.planned} requests. What was in flight was cancelled: long answers are cut more often than short ones, so latencies read low.`,
      value: ended,
    });
  }
  if (circumstances.simulated) {
    reasons.push({
      code: "simulated",
      status: "note",
      text: "The server is a simulator: the numbers say nothing about any engine.",
    });
  }
  if (circumstances.clientBesideServer) {
    reasons.push({
      code: "client-beside-server",
      status: "note",
      text: "The load generator ran on the server's own machine and took CPU time from it.",
    });
  }
  return [...reasons, ...(circumstances.reasons ?? [])];
}

/** Each of the load generator's threads reads on one core: near the whole of it, what arrives waits before its time is taken. */
function judgeClientCpu({ client }: Circumstances): Reason[] {
  if (client === undefined || client.wallSeconds < LEAST_SECONDS_FOR_CPU) return [];
  const { user, system } = client.cpuSeconds;
  const workers = client.workers ?? 1;
  const share = (user + system) / client.wallSeconds / workers;
  if (share <= THRESHOLDS.clientCpu) return [];
  return [
    {
      code: "client-cpu",
      status: "suspect",
      text: `The load generator used ${percent(share)} of ${workers === 1 ? "a core" : `each of the cores of its ${workers} workers`} (limit ${percent(THRESHOLDS.clientCpu)}): answers may have waited to be read, and their latencies hold that wait.`,
      value: share,
      threshold: THRESHOLDS.clientCpu,
      curable: false,
    },
  ];
}

function judgeCompany({ otherServers = [] }: Circumstances): Reason[] {
  const [only, ...more] = otherServers;
  if (only === undefined) return [];
  return [
    {
      code: "shared-node",
      status: "suspect",
      text:
        more.length === 0
          ? `Another benchmark's server was up on this machine: ${only}.`
          : `${otherServers.length} servers of other benchmarks were up on this machine: ${otherServers.join(", ")}.`,
      value: otherServers.length,
      threshold: 0,
    },
  ];
}
