import { closeSync } from "node:fs";
import { isatty } from "node:tty";

/** Colours on a terminal that does not refuse them (https://no-color.org). */
export function wantsColor(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: refused, FORCE_COLOR: forced, TERM: terminal } = process.env;
  if (refused !== undefined && refused !== "") return false;
  if (forced !== undefined && forced !== "" && forced !== "0") return true;
  return stream.isTTY === true && terminal !== "dumb";
}

/** Width to print for: the terminal's, else 80. */
export function columnsOf(stream: { readonly columns?: number }): number {
  return stream.columns ?? 80;
}

/**
 * Node sets its terminals back as it exits, and aborts where one of them is gone (a closed window, a lost connection):
 * what was a terminal and no longer is gets closed before that.
 */
export function letGoOfLostTerminals(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.once("exit", () => {
    for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
  });
}
