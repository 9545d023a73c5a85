import type { z } from "zod";
import { describeValue, type Finding, formatPath, onKey, onValue, type Path } from "./finding.ts";
import { keysAt, placesOfKey } from "./json-schema.ts";
import { nearest } from "./nearest.ts";
import type { Places } from "./yaml-document.ts";

type Issue = z.core.$ZodIssue;

/** Words for zod's issues: where, what was expected, what was found, and what may have been meant. */
export function explainIssues(issues: readonly Issue[], data: unknown, places: Places): Finding[] {
  const findings = issues.flatMap((issue) => explain(issue, [], data, places));
  // A key that is missing because it is misspelt is one mistake, not two.
  const meant = new Set(findings.map((finding) => finding.meant));
  return findings.filter((finding) => !finding.missing || !meant.has(JSON.stringify(finding.path)));
}

interface Explained extends Finding {
  readonly missing?: boolean;
  /** Path of the key that an unknown one was probably meant to be. */
  readonly meant?: string;
}

function explain(issue: Issue, above: Path, data: unknown, places: Places): Explained[] {
  const path: Path = [
    ...above,
    ...issue.path.map((part) => (typeof part === "number" ? part : String(part))),
  ];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => explainUnknownKey(key, path));
    case "invalid_key":
      return [
        onKey(path, `${issue.issues[0]?.message ?? issue.message}; found ${JSON.stringify(path.at(-1))}`),
      ];
    case "invalid_union": {
      const branch = meantBranch(issue.errors);
      if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, data, places));
      break;
    }
    default:
  }
  const value = valueAt(data, path);
  if (value === undefined) return [{ ...onKey(path, `missing; ${issue.message}`), missing: true }];
  const source = places.get(path)?.source;
  const found = `${issue.message}; found ${describeValue(value, path, source)}`;
  return [onValue(path, found + advice(issue, value, source))];
}

/** The one alternative of a union whose type the value has: its issues say more than "none of these". */
function meantBranch(alternatives: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const meant = alternatives.filter(
    (issues) =>
      !issues.some(
        (issue) =>
          issue.path.length === 0 && issue.code === "invalid_type" && !("format" in issue && issue.format),
      ),
  );
  return meant.length === 1 ? meant[0] : undefined;
}

function advice(issue: Issue, value: unknown, source: string | undefined): string {
  if (issue.code === "invalid_value") {
    const near = nearest(String(value), issue.values.map(String));
    return near === undefined ? "" : didYouMean(near);
  }
  if (issue.code !== "invalid_type") return "";
  if (issue.expected === "boolean" && typeof value === "string") {
    const meant = { yes: "true", on: "true", no: "false", off: "false" }[value.toLowerCase()];
    return meant === undefined ? "" : `; YAML 1.2 has only true and false: did you mean ${meant}?`;
  }
  if (
    issue.expected === "number" &&
    typeof value === "string" &&
    value.trim() !== "" &&
    !Number.isNaN(Number(value))
  )
    return "; remove the quotes";
  if (issue.expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    // Only where text of any form will do: a bare 500 is no duration with quotes either.
    return /expected (?:text|a version|the name of a)/.test(issue.message)
      ? `; put it in quotes: "${source ?? String(value)}"`
      : "";
  }
  return "";
}

function explainUnknownKey(key: string, above: Path): Explained {
  const valid = keysAt(above);
  const near = FIELD_NAMES[key.toLowerCase().replaceAll(/[-_]/g, "")];
  const meant = valid.find((name) => name === near) ?? nearest(key, valid);
  const explained = (text: string): Explained => onKey([...above, key], text);
  if (meant !== undefined)
    return { ...explained(`unknown key${didYouMean(meant)}`), meant: JSON.stringify([...above, meant]) };
  const place = closest(placesOfKey(near ?? key), above);
  if (place === undefined) return explained(`unknown key; known here: ${[...valid].sort().join(", ")}`);
  const where = place === "" ? "at the top of the file" : `in ${place}`;
  return explained(
    near === undefined
      ? `unknown key here; it belongs ${where}`
      : `unknown key; ${near}, ${where}, is its name here`,
  );
}

/** Of several places for a key, the first that lies below the mapping it was found in, else the shortest. */
function closest(places: readonly string[], above: Path): string | undefined {
  const here = formatPath(above);
  return (
    places.find((place) => place.startsWith(`${here}.`)) ??
    [...places].sort((a, b) => a.split(/[.[]/).length - b.split(/[.[]/).length)[0]
  );
}

export function didYouMean(word: string): string {
  return `; did you mean ${JSON.stringify(word)}?`;
}

/** What other tools call our keys, without case, - and _. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  maxtokens: "outputTokens",
  outputlen: "outputTokens",
  outputlength: "outputTokens",
  inputlen: "inputTokens",
  inputlength: "inputTokens",
  maxmodellen: "contextLength",
  ctxsize: "contextLength",
  maxnumseqs: "maxConcurrentRequests",
  maxrunningrequests: "maxConcurrentRequests",
  slots: "maxConcurrentRequests",
  tensorparallelsize: "tensorParallel",
  gpumemoryutilization: "gpuMemoryShare",
  enableprefixcaching: "prefixCache",
  requestrate: "rate",
  numrequests: "requests",
  numprompts: "requests",
  servedmodelname: "servedName",
  environment: "env",
  ignoreeos: "forceOutputLength",
  extrabody: "body",
};

/** What the data holds at a path; undefined where there is nothing. */
export function valueAt(data: unknown, path: Path): unknown {
  let value: unknown = data;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
