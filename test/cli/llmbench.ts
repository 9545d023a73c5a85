import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const tsx = import.meta.resolve("tsx");

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
    /** What Node is to run in place of the source. */
    readonly program?: readonly string[];
  },
): Promise<Ended> {
  const child = spawn(process.execPath, [...(options.program ?? ["--import", tsx, main]), ...words], {
    cwd: options.cwd,
    env: { ...process.env, LLMBENCH_CACHE: `${options.cwd}/cache`, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  return { status, stdout, stderr };
}
