import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

const mostBytes = 256 * 1024;

/** The last lines of a file from byte `from` on; none when it does not exist. Terminal colours are removed. */
export function readLastLines(path: string, count: number, from = 0): string[] {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const start = Math.max(from, size - mostBytes);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    const read = readSync(file, bytes, 0, bytes.length, start);
    return lastLines(bytes.subarray(0, read).toString("utf8"), count);
  } finally {
    closeSync(file);
  }
}

/** The last lines of a text that hold something, as a terminal would show them and without colours. */
export function lastLines(text: string, count: number): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => lastState(line).trimEnd())
    .filter((line) => line !== "")
    .slice(-count);
}

/** What a terminal would show of a line: no colours, and only what followed the last carriage return (progress bars). */
function lastState(line: string): string {
  const plain = stripVTControlCharacters(line);
  return plain.slice(plain.lastIndexOf("\r") + 1);
}
