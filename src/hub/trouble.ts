import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../error.ts";

/** Tries in a row without a byte more, before a passing trouble counts as a lasting one: a minute of waiting. */
const mostTries = 6;
const longestPauseSeconds = 30;

/** What may be gone when it is tried again: a lost connection, an overloaded server, a limit on requests. */
export class PassingTrouble extends Error {
  override readonly name = "PassingTrouble";
  /** What a person is told when it does not pass. */
  readonly lasting: LlmbenchError;
  /** How long the server asks to wait. */
  readonly waitSeconds: number | undefined;

  constructor(message: string, lasting: LlmbenchError, waitSeconds?: number) {
    super(message, { cause: lasting.cause });
    this.lasting = lasting;
    this.waitSeconds = waitSeconds;
  }
}

/** Waits; tests put something faster in its place. */
export type Pause = (seconds: number, signal: AbortSignal) => Promise<void>;
export const pauseForReal: Pause = (seconds, signal) => sleep(seconds * 1000, undefined, { signal });

/**
 * Does `attempt` until it succeeds, fails for good, or has failed six times in a row without calling `advanced`.
 * Waits 1, 2, 4, … seconds between tries, or as long as the server says.
 */
export async function persist<T>(
  attempt: (advanced: () => void) => Promise<T>,
  options: { report: (line: string) => void; pause: Pause; signal: AbortSignal },
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof PassingTrouble)) throw error;
      failures++;
      if (failures === mostTries) throw error.lasting;
      const seconds = error.waitSeconds ?? Math.min(longestPauseSeconds, 2 ** (failures - 1));
      options.report(`${error.message}; trying again in ${seconds} s`);
      await options.pause(seconds, options.signal);
    }
  }
}

/** What the network threw: passing, unless it is that the other side is not trusted. */
export function networkTrouble(error: unknown, endpoint: string): Error {
  const { code, message } = rootOf(error);
  const told = code === undefined || message.includes(code) ? message : `${message} (${code})`;
  const what = `${new URL(endpoint).host}: ${told}`;
  const untrusted = /CERT|SELF_SIGNED|VERIFY|ERR_TLS/.test(code ?? "");
  const lasting = new LlmbenchError("HUB_UNREACHABLE", `The hub at ${endpoint} was not reached: ${told}`, {
    hint: untrusted
      ? "If your network has a certificate authority of its own, name its file in NODE_EXTRA_CA_CERTS."
      : "Check the network, HTTPS_PROXY and NO_PROXY, and --endpoint or HF_ENDPOINT. What was fetched is kept: the same command goes on from there.",
    cause: error,
  });
  return untrusted ? lasting : new PassingTrouble(what, lasting);
}

/** undici wraps what happened; where several addresses were tried, the first says it. */
function rootOf(error: unknown): { code: string | undefined; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  if (error.cause instanceof Error) return rootOf(error.cause);
  const { code } = error as NodeJS.ErrnoException;
  return { code: typeof code === "string" ? code : undefined, message: error.message || error.name };
}
