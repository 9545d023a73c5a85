import { accessSync, constants, copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LlmbenchError } from "../error.ts";
import type { ProgressEvent } from "../steps/progress.ts";

/** What a container's surroundings want to know of a step: outputs, progress, and last words. */

/** What Kubernetes makes for every container; elsewhere there is none. */
export const terminationLog = "/dev/termination-log";

/** Kubernetes shows the last 4096 bytes on the pod, Argo as the node's message. */
const longestMessage = 2000;

/** One file an output, named as the output: text as it stands, all else as JSON; nothing for what is unknown. */
export function writeOutputs(folder: string, outputs: Readonly<Record<string, unknown>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, value] of Object.entries(outputs)) {
    const text = typeof value === "string" ? value : value === null ? "" : JSON.stringify(rounded(value));
    replaceFile(join(folder, name), text);
  }
}

/** Copies the file whose path is in an output to where a workflow takes it as an artifact. */
export function copyOutputs(
  copies: Readonly<Record<string, string>>,
  outputs: Readonly<Record<string, unknown>>,
): void {
  for (const [name, file] of Object.entries(copies)) {
    const from = outputs[name];
    if (typeof from === "string") copyFileSync(from, file);
  }
}

/** A number on a node of a workflow is for reading: four digits say enough, and results.json has them all. */
function rounded(value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

/** Keeps Argo's progress file (`ARGO_PROGRESS_FILE`): measurements done of all, in hundredths. */
export function progressWriter(file: string): (event: ProgressEvent) => void {
  let index = 0;
  let of = 1;
  return (event) => {
    if (event.kind === "point") ({ index, of } = { index: event.index - 1, of: event.of });
    else if (event.kind === "measured") index++;
    else if (event.kind !== "load") return;
    const share = event.kind === "load" && event.planned > 0 ? Math.min(1, event.done / event.planned) : 0;
    replaceFile(file, `${Math.floor((index + share) * 100)}/${of * 100}\n`);
  };
}

/** Keeps Argo's progress file for a transfer: megabytes there, of all. */
export function transferWriter(file: string): (done: number, of: number) => void {
  return (done, of) => {
    const all = Math.max(1, Math.ceil(of / 1e6));
    replaceFile(file, `${done >= of ? all : Math.min(all, Math.floor(done / 1e6))}/${all}\n`);
  };
}

/** Why a step failed and what to do, where Kubernetes looks for it. Without such a file, nothing. */
export function writeTerminationMessage(
  file: string,
  error: LlmbenchError,
  mask: (text: string) => string,
): void {
  try {
    accessSync(file, constants.W_OK);
  } catch {
    return;
  }
  const lines = [
    error.message,
    ...(error.hint === undefined ? [] : [`what to do: ${error.hint}`]),
    ...error.details,
    `(${error.code})`,
  ];
  writeFileSync(file, mask(lines.join("\n")).slice(0, longestMessage));
}

/** Readers never see half a file. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}
