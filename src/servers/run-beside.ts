import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { LlmbenchError } from "../error.ts";
import type { ExecOptions, ExecResult } from "./server.ts";

/** Runs a command on this machine to its end: `exec` of servers that are its processes. */
export async function runBeside(words: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const [program = "", ...args] = words;
  const { signal, stdout: sink } = options;
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const [stdout, stderr, ended] = await Promise.all([
      sink === undefined ? readText(child.stdout) : pour(child.stdout, sink),
      readText(child.stderr),
      // Rejects with the reason where the program could not be started.
      once(child, "close"),
    ]);
    // A shell's number for a command that a signal ended.
    const exitStatus = typeof ended[0] === "number" ? ended[0] : 128;
    return { exitStatus, stdout, stderr };
  } catch (error) {
    child.kill("SIGKILL");
    if (signal?.aborted === true) throw error;
    if ((error as { code?: string }).code === "ENOENT") {
      return { exitStatus: 127, stdout: "", stderr: `${program}: there is no such program` };
    }
    throw new LlmbenchError(
      "SERVER_EXEC_FAILED",
      `"${program}" could not be run: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

async function readText(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

async function pour(from: Readable, to: Writable): Promise<string> {
  for await (const part of from) if (!to.write(part)) await once(to, "drain");
  return "";
}
