/**
 * Last header of every answer of a simulated engine, in every dialect, so that whoever measures one from outside can say
 * that no engine was measured. No real server sends it.
 */
export const SIMULATED_HEADER = "x-llmbench-simulated";

/** Whether an answer with these headers (names in lower case) came from a simulated engine. */
export function saysSimulated(headers: Readonly<Record<string, string>>): boolean {
  return headers[SIMULATED_HEADER] !== undefined;
}
