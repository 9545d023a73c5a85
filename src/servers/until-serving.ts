import { setTimeout as sleep } from "node:timers/promises";
import type { Startup } from "../results/schema/server.ts";

/** A server that starts, whoever keeps it: what is asked of it until it serves. */
export interface StartingServer {
  /** Rejects with the reason when it cannot become ready any more, or the time is up. */
  readonly throwIfOver: () => void | Promise<void>;
  readonly isPortOpen: () => Promise<boolean>;
  readonly isProbeGood: () => Promise<boolean>;
  /** One real completion; rejects when it does not come back. */
  readonly complete: () => Promise<void>;
  /** What to say of a completion that failed to the last. */
  readonly completionError: (error: unknown) => Error | Promise<Error>;
  /** Now, in milliseconds since the deployment began. */
  readonly sinceDeployMs: () => number;
  /** Milliseconds since it was started. */
  readonly waitedMs: () => number;
  /** Told what is waited for, in words. */
  readonly waitsFor: (what: string) => void;
}

const completionAttempts = 3;

/** What is waited for first. */
export const portToOpen = "its port to open";

/** Ready means: its port is open, then its probe passes, then one real completion came back. The times of each. */
export async function untilServing(
  server: StartingServer,
  probePath: string,
  stop: AbortSignal,
): Promise<Pick<Startup, "portOpenMs" | "readyMs" | "firstCompletionMs">> {
  server.waitsFor(portToOpen);
  const portOpenMs = await until(server, stop, server.isPortOpen);
  server.waitsFor(`GET ${probePath} to answer 2xx`);
  const readyMs = await until(server, stop, server.isProbeGood);
  server.waitsFor("a first completion to come back");
  const firstCompletionMs = await untilCompletion(server, stop);
  return { portOpenMs, readyMs, firstCompletionMs };
}

async function until(
  server: StartingServer,
  stop: AbortSignal,
  check: () => Promise<boolean>,
): Promise<number> {
  for (;;) {
    await server.throwIfOver();
    if (await check()) return server.sinceDeployMs();
    // Fine-grained while start-up times are short, coarse when an engine takes minutes.
    const pollMs = Math.min(250, Math.max(10, server.waitedMs() / 100));
    await sleep(pollMs, undefined, { signal: stop }).catch(() => {});
  }
}

async function untilCompletion(server: StartingServer, stop: AbortSignal): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      await server.complete();
      return server.sinceDeployMs();
    } catch (error) {
      await server.throwIfOver();
      if (attempt === completionAttempts) throw await server.completionError(error);
      await sleep(500, undefined, { signal: stop }).catch(() => {});
    }
  }
}
