import { asLlmbenchError, type ExitStatus } from "../error.ts";

/** Writes an error for a person and says which exit status it means. `mask` hides secrets in every line. */
export function printError(
  thrown: unknown,
  options: { verbose: boolean; mask: (text: string) => string; write: (text: string) => void },
): ExitStatus {
  const { mask, write } = options;
  const error = asLlmbenchError(thrown);
  write(`${mask(`error: ${error.message}`)}\n`);
  for (const line of error.details) write(`${mask(`  ${line}`)}\n`);
  if (error.hint !== undefined) write(`${mask(`what to do: ${error.hint}`)}\n`);
  write(`(${error.code})\n`);
  if (options.verbose) write(`${mask(stackOf(error))}\n`);
  return error.exitStatus;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? "nothing";
  const cause = error.cause === undefined ? "" : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
