/**
 * The one error class that reaches a person. `code` is stable and documented in docs/troubleshooting.md;
 * `message` says what happened and where, `hint` says what to do.
 */
export class LlmbenchError extends Error {
  override readonly name = "LlmbenchError";
  readonly code: string;
  readonly exitStatus: ExitStatus;
  readonly hint: string | undefined;
  /** More lines for the person: the last lines of a server's log, each finding of a config. */
  readonly details: readonly string[];

  constructor(
    code: string,
    message: string,
    options: { exitStatus?: ExitStatus; hint?: string; details?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.exitStatus = options.exitStatus ?? ExitStatus.failed;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}

/** Whatever was thrown, for a person: a full disk is named, all else that nobody foresaw is a fault of llmbench. */
export function asLlmbenchError(error: unknown): LlmbenchError {
  if (error instanceof LlmbenchError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT")
    return new LlmbenchError("DISK_FULL", message, { hint: "free some space and try again", cause: error });
  return new LlmbenchError("INTERNAL", message, {
    hint: "this is a fault of llmbench itself; run again with --verbose and report what it prints",
    cause: error,
  });
}

export const ExitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  verdict: 3,
  /** An A/B that was asked to fail where B is worse. */
  worse: 4,
  /** A teardown that did its work after a cell that failed. */
  cellFailed: 75,
  interrupted: 130,
} as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];
