import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ProgramOutcome {
  /** Exit status; null when it was killed or never started. */
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output and error as lines, in the order they came. */
  readonly lines: readonly string[];
}

export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
}

/** Runs a program to its end. Never rejects: a program that is not there has the code null. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramOutcome> {
  const limits = [
    options.signal,
    options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs),
  ];
  return await new Promise((resolve) => {
    const lines: string[] = [];
    const stdout: string[] = [];
    const child = spawn(program, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      signal: AbortSignal.any(limits.filter((limit) => limit !== undefined)),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const take = (line: string) => {
      lines.push(line);
      options.onLine?.(line);
    };
    createInterface({ input: child.stdout }).on("line", (line) => {
      stdout.push(line);
      take(line);
    });
    createInterface({ input: child.stderr }).on("line", take);
    child.once("error", (error) => {
      lines.push(error.message);
      if (child.pid === undefined) resolve({ code: null, stdout: "", lines });
    });
    child.once("close", (code) => resolve({ code, stdout: stdout.join("\n"), lines }));
  });
}
