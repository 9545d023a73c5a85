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
