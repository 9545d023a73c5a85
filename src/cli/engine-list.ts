import { wrap } from "../display-width.ts";
import type { EngineAvailability } from "../engines/availability.ts";

const HEADINGS: Readonly<Record<EngineAvailability["status"], string>> = {
  ready: "Ready on this machine:",
  installable: "llmbench can install:",
  missing: "Not found on this machine:",
  "cluster-only": "As container images only, on a cluster:",
};

/** Engines by what this machine can do with them, in lines of fewer than `width` columns. */
export function describeEngines(found: readonly EngineAvailability[], width: number): string {
  const blocks = Object.entries(HEADINGS).flatMap(([status, heading]) => {
    const engines = found.filter((engine) => engine.status === status);
    const [first] = engines;
    if (first === undefined) return [];
    // What is to be done is said once where it is the same for all.
    const isShared = engines.length > 1 && engines.every(({ remedy }) => remedy === first.remedy);
    const lines = engines.flatMap((engine) => [
      `  ${nameOf(engine)}`,
      ...(isShared ? [] : whatToDo(engine, 4, width)),
    ]);
    return [[heading, ...lines, ...(isShared ? whatToDo(first, 2, width) : [])].join("\n")];
  });
  return `${blocks.join("\n\n")}\n`;
}

function nameOf({ title, version, engine }: EngineAvailability): string {
  return `${title}${version === undefined ? "" : ` ${version}`} (kind: ${engine})`;
}

/** Paths and commands are not broken: they are there to be copied. */
function whatToDo({ where, remedy, command }: EngineAvailability, by: number, width: number): string[] {
  const indent = " ".repeat(by);
  return [
    ...(where === undefined ? [] : [indent + where]),
    ...(remedy === undefined ? [] : wrap(indent + remedy, width - 1, by)),
    ...(command === undefined ? [] : [`${indent}  ${command}`]),
  ];
}
