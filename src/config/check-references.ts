import { type Finding, onValue, type Path } from "./finding.ts";
import { type Environment, findReferences, isSecretName, isSet } from "./secrets.ts";

/**
 * Every `${` of a config as it was read: right only as the value of an `env` entry that is named a secret, where
 * the value itself is wrong. `environment` null: whether variables are set is not looked at.
 */
export function checkReferences(data: unknown, environment: Environment | null, path: Path = []): Finding[] {
  const secret = secretKey(path);
  if (typeof data === "string" && (secret === undefined || data.includes("${")))
    return data.includes("${") ? checkText(data, environment, path, secret) : [];
  if (secret !== undefined && typeof data !== "object" && data !== undefined)
    return [
      onValue(path, `named a secret, so its value does not belong in a config: write \${${secret}} here`),
    ];
  if (typeof data !== "object" || data === null) return [];
  const reference = envKey(path) !== undefined ? (data as { secret?: unknown }).secret : undefined;
  if (typeof reference === "string")
    return unset([{ name: reference, fallback: undefined }], environment, [...path, "secret"]);
  const entries: [string | number, unknown][] = Array.isArray(data)
    ? [...data.entries()]
    : Object.entries(data);
  return entries.flatMap(([key, value]) => checkReferences(value, environment, [...path, key]));
}

function checkText(
  text: string,
  environment: Environment | null,
  path: Path,
  secret: string | undefined,
): Finding[] {
  if (secret === undefined)
    return [
      onValue(
        path,
        "${…} is for secrets in env only (names like *_KEY, *_TOKEN, *SECRET*, *PASSWORD*); write the value itself",
      ),
    ];
  const references = findReferences(text);
  if (references === undefined) return [onValue(path, "expected ${NAME} or ${NAME:-default}")];
  return unset(references, environment, path);
}

function unset(
  references: readonly { name: string; fallback: string | undefined }[],
  environment: Environment | null,
  path: Path,
): Finding[] {
  if (environment === null) return [];
  return references
    .filter((reference) => !isSet(reference, environment))
    .map(({ name }) => onValue(path, `the environment variable ${name} is not set`));
}

/** The variable whose value stands at a path, whoever's `env` it is in. */
function envKey(path: Path): string | undefined {
  const key = path.at(-1);
  const holder =
    path.length === 4
      ? path[0] === "engines" || (path[0] === "cluster" && path[1] === "hub")
      : path.length === 5 && path[1] === "overrides";
  return holder && path.at(-2) === "env" && typeof key === "string" ? key : undefined;
}

function secretKey(path: Path): string | undefined {
  const key = envKey(path);
  return key !== undefined && isSecretName(key) ? key : undefined;
}
