import { didYouMean } from "./explain-issues.ts";
import { type Finding, onKey, onValue } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { Config } from "./schema.ts";
import type { CellConfig } from "./select-cells.ts";

/** Names as the file has them, also those of parts that are themselves wrong: a reference to one is no mistake. */
export interface KnownNames {
  readonly engines: readonly string[];
  readonly models: readonly string[];
  readonly pools: readonly string[];
  /** Whether the file has a cluster, right or wrong: the rest is not to be taken for a config of this machine. */
  readonly onCluster: boolean;
  /** Whether a plugin could not be loaded: an engine that is not known may be its. */
  readonly enginesMissing: boolean;
}

/** What is wrong with the names that a config chooses. */
export function checkNames(names: KnownNames): Finding[] {
  const findings: Finding[] = [];
  const places = { engines: ["engines"], models: ["models"], pools: ["cluster", "pools"] };
  for (const section of ["engines", "models", "pools"] as const) {
    const seen = new Map<string, string>();
    const path = places[section];
    if (names[section].length === 0 && section !== "pools")
      findings.push(onKey(path, `expected at least one ${section.slice(0, -1)}; found none`));
    for (const name of names[section]) {
      const earlier = seen.get(name.toLowerCase());
      if (earlier !== undefined)
        findings.push(
          onKey(
            [...path, name],
            `differs from ${JSON.stringify(earlier)} in case only, and names become folders`,
          ),
        );
      else if (name.includes("--"))
        findings.push(
          onKey([...path, name], "-- separates variant, model and pool in the name of a cell; use one -"),
        );
      seen.set(name.toLowerCase(), name);
    }
  }
  return findings;
}

export function checkBaseline(config: Config, names: KnownNames, cells: readonly CellConfig[]): Finding[] {
  const { baseline } = config;
  if (baseline === undefined) return [];
  const unknown = unknownName(baseline, names.engines, "engines");
  if (unknown.length > 0) return unknown.map((text) => onValue(["baseline"], text));
  return cells.length === 0 || cells.some((cell) => cell.variant === baseline)
    ? []
    : [onValue(["baseline"], `every cell of ${JSON.stringify(baseline)} is excluded`)];
}

/** At most one text: that there is no such name, and what may have been meant. */
export function unknownName(name: string, known: readonly string[], section: string): string[] {
  return known.includes(name) ? [] : [unknownWords(section, name, known)];
}

export function unknownWords(section: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const has = known.length === 0 ? "it is empty" : `it has ${known.join(", ")}`;
  return `${section} has no ${JSON.stringify(name)}; ${has}${near === undefined ? "" : didYouMean(near)}`;
}
