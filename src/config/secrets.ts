import { ExitStatus, LlmbenchError } from "../error.ts";
import type { Plan, ServerPlan } from "./plan.ts";

/** Whether a variable's name says that its value is secret: `*_KEY`, `*_TOKEN`, `*SECRET*`, `*PASSWORD*`. */
export function isSecretName(name: string): boolean {
  return /(?:_KEY|_TOKEN)$|SECRET|PASSWORD/i.test(name);
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `${NAME}` or `${NAME:-default}`; the default is used where the variable is unset or empty, as in a shell. */
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

export interface SecretReference {
  readonly name: string;
  readonly fallback: string | undefined;
}

/** The references in a text; undefined when it holds a `${` that is none. */
export function findReferences(text: string): readonly SecretReference[] | undefined {
  if (text.replaceAll(REFERENCE, "").includes("${")) return undefined;
  return [...text.matchAll(REFERENCE)].map((match) => ({ name: match[1] ?? "", fallback: match[2] }));
}

/** Whether a reference has a value: the variable's, or a default that the config gives. */
export function isSet(reference: SecretReference, environment: Environment): boolean {
  return Boolean(environment[reference.name]) || reference.fallback !== undefined;
}

interface SecretHolder {
  readonly env: Readonly<Record<string, string>>;
  readonly secretEnv: readonly string[];
}

/**
 * A server's environment with the values of its secrets, for the moment it is started: never to be written down.
 * Throws CONFIG_SECRET_UNSET where a variable is unset and no default is given.
 */
export function resolveSecretEnv(server: SecretHolder, environment: Environment): Record<string, string> {
  const env: Record<string, string> = { ...server.env };
  for (const key of server.secretEnv) {
    env[key] = (server.env[key] ?? "").replaceAll(REFERENCE, (_, name: string, fallback?: string) => {
      const value = environment[name] || fallback;
      if (value !== undefined) return value;
      throw new LlmbenchError(
        "CONFIG_SECRET_UNSET",
        `The environment variable ${name}, which ${key} is taken from, is not set.`,
        { exitStatus: ExitStatus.usage, hint: `Set it: export ${name}=…` },
      );
    });
  }
  return env;
}

export interface ResolvedSecrets {
  /** Environment of each cell's server, by cell id. */
  readonly env: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What must be masked wherever it may appear. Defaults that the config itself spells out are not in here. */
  readonly values: readonly string[];
}

/**
 * The secrets of all cells of a plan. Throws CONFIG_SECRET_UNSET; the key of a standing server, which only its requests
 * need, may still be unset.
 */
export function resolveSecrets(plan: Plan, environment: Environment): ResolvedSecrets {
  const env = new Map<string, Readonly<Record<string, string>>>();
  const values = new Set<string>();
  for (const { id, server } of plan.cells) {
    if (server.kind === "standing") {
      for (const value of standingSecrets(id, server, environment)) values.add(value);
    }
    if (server.kind !== "process") continue;
    env.set(id, resolveSecretEnv(server, environment));
    for (const key of server.secretEnv) {
      for (const { name } of findReferences(server.env[key] ?? "") ?? []) {
        const value = environment[name];
        if (value) values.add(value);
      }
    }
  }
  return { env, values: [...values] };
}

/** What must be masked of a server that is there already: secret headers, whole and without their scheme, and its key. */
function standingSecrets(
  cell: string,
  server: Extract<ServerPlan, { kind: "standing" }>,
  environment: Environment,
): string[] {
  const headers = server.secretHeaders.flatMap((header) => {
    for (const { name } of findReferences(server.headers[header] ?? "") ?? []) {
      if (!environment[name]) throw headerUnset(cell, header, name);
    }
    const value = resolveSecretEnv({ env: server.headers, secretEnv: [header] }, environment)[header] ?? "";
    return [value, value.replace(/^(?:bearer|basic)\s+/i, "")];
  });
  const key = server.apiKeyEnv === undefined ? undefined : environment[server.apiKeyEnv];
  return key ? [...headers, key] : headers;
}

function headerUnset(cell: string, header: string, variable: string): LlmbenchError {
  return new LlmbenchError(
    "CONFIG_SECRET_UNSET",
    `${cell}: the value of its header "${header}" is a secret, which no run keeps. It is needed again, in the environment variable ${variable}.`,
    {
      exitStatus: ExitStatus.usage,
      hint: `Set it to all that stood after "${header}:" in --header: export ${variable}='…'`,
    },
  );
}

/**
 * What looks like a secret and its value in a line of a config: `HF_TOKEN: value`, `--api-key value`,
 * `"--api-key", "value"`. Wider than isSecretName: rather too much is hidden than too little.
 */
const ASSIGNMENT = new RegExp(
  [
    /(?<![\w-])(?!secret["']?\s*:)/,
    /((?:[\w-]*(?:_key|_token|-key|-token|apikey|authorization)|[\w-]*(?:secret|password)[\w-]*)["']?)/,
    /(\s*[:=]\s*|(?<=--[\w-]+["']?)(?:,\s*|\s+))/,
    /(?!\{)("[^"]*"|'[^']*'|[^\s,}#"']+)/,
  ]
    .map(({ source }) => source)
    .join(""),
  "gi",
);

/** A line of a config as it may be shown: what is assigned to a secret's name is blotted out. */
export function maskLine(line: string): string {
  return line.replaceAll(ASSIGNMENT, (whole, key: string, between: string, value: string) =>
    value.includes("${") ? whole : `${key}${between}${"*".repeat(value.length)}`,
  );
}
