import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { programPath } from "../program/program.ts";

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `llmbench WORDS` in a process of its own, as a person does; resolves when it has ended. */
export async function llmbench(
  words: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    /** Another llmbench than that of the tests. */
    readonly program?: string;
    /** Sends it SIGTERM once this is so. */
    readonly stopWhen?: () => boolean;
  },
): Promise<Ended> {
  const child = spawn(process.execPath, [options.program ?? (await programPath()), ...words], {
    cwd: options.cwd,
    env: { ...process.env, LLMBENCH_CACHE: `${options.cwd}/cache`, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const looking = setInterval(() => {
    if (options.stopWhen?.() !== true) return;
    clearInterval(looking);
    child.kill("SIGTERM");
  }, 20);
  child.once("close", () => clearInterval(looking));
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  return { status, stdout, stderr };
}
