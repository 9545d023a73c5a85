import { ExitStatus } from "../error.ts";

export interface Interrupts {
  /** Aborted at the first Ctrl-C, SIGTERM, or closed terminal: stop in order. */
  readonly signal: AbortSignal;
  /** What a second Ctrl-C does before the process ends at once; synchronous. */
  onForce(kill: () => void): void;
  dispose(): void;
}

/** Once: orderly (teardown, report). Twice: at once (servers are killed, nothing is waited for). */
export function watchInterrupts(say: (text: string) => void): Interrupts {
  const controller = new AbortController();
  const kills: (() => void)[] = [];
  function onSignal(name: NodeJS.Signals) {
    if (!controller.signal.aborted) {
      say(`${name}: stopping in order; once more stops at once`);
      controller.abort(new Error(`interrupted by ${name}`));
      return;
    }
    for (const kill of kills) {
      try {
        kill();
      } catch {
        // The process ends either way; `llmbench clean` ends what could not be killed here.
      }
    }
    process.exit(ExitStatus.interrupted);
  }
  const names: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    onForce: (kill) => kills.push(kill),
    dispose() {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
