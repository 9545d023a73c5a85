import type { RunningServer } from "../../src/servers/server.ts";

/** The completion of a server of which only the HTTP answer matters. */
export async function completes(server: RunningServer, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${server.url}/v1/completions`, { signal });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
}

export const never = new AbortController().signal;
