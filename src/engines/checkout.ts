import { existsSync } from "node:fs";
import { join } from "node:path";
import { LlmbenchError } from "../error.ts";
import { runProgram } from "./run-program.ts";

/** A git checkout as it was when the server started. */
export interface Checkout {
  readonly path: string;
  readonly commit: string;
  /** It had changes that are not committed. */
  readonly dirty: boolean;
  /** By the last tag, e.g. "v0.11.0-12-gabc1234"; absent without one. */
  readonly version?: string;
}

/** Commit and state of a checkout. Throws ENGINE_NOT_A_CHECKOUT. */
export async function inspectCheckout(path: string): Promise<Checkout> {
  const git = async (...args: string[]) =>
    await runProgram("git", ["-C", path, ...args], { timeoutMs: 60_000 });
  const [head, status, tag] = await Promise.all([
    git("rev-parse", "HEAD"),
    git("status", "--porcelain", "--untracked-files=no"),
    git("describe", "--tags"),
  ]);
  if (head.code !== 0) {
    throw new LlmbenchError("ENGINE_NOT_A_CHECKOUT", `${path} is not a git checkout.`, {
      hint: "Correct `process.checkout`, or use `process.venv` for an installation without git.",
      details: head.lines.slice(-3),
    });
  }
  return {
    path,
    commit: head.stdout.trim(),
    dirty: status.stdout.trim() !== "",
    ...(tag.code === 0 ? { version: tag.stdout.trim() } : {}),
  };
}

/** The Python of a checkout's own virtual environment, where it has one in a usual place. */
export function pythonOfCheckout(path: string): string | undefined {
  return [".venv", "venv"]
    .map((name) => join(path, name, "bin", "python"))
    .find((python) => existsSync(python));
}
