import { createHash } from "node:crypto";
import { tokenVariable } from "./members.ts";

/** All that decides what is measured on a server. */
export interface SpecParts {
  /** The command with `{port}` and `{host}` still in it. */
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Names in `env` that are secrets: their names count, their values do not. */
  readonly secretEnv: readonly string[];
  readonly resources?: unknown;
  readonly hardware: string;
  readonly modelHash?: string;
  readonly engineVersion: string;
  readonly imageDigest?: string;
  /** Commit of a checkout, with "-dirty" when it had changes of its own. */
  readonly checkout?: string;
}

/** Differs from run to run or from shell to shell without changing the server. */
const unmeasured = new Set(["PATH", tokenVariable]);

/** 16 hexadecimal digits of SHA-256 over the parts; the order of keys does not matter. */
export function specHash(parts: SpecParts): string {
  const secrets = new Set(parts.secretEnv);
  const env = Object.fromEntries(
    Object.entries(parts.env)
      .filter(([name]) => !unmeasured.has(name))
      .map(([name, value]) => [name, secrets.has(name) ? "secret" : value]),
  );
  const { secretEnv: _, ...rest } = parts;
  return createHash("sha256")
    .update(canonicalJson({ ...rest, env }))
    .digest("hex")
    .slice(0, 16);
}

/** The hash of a spec together with the image that came of it: a tag may be another image tomorrow. */
export function hashWithImage(hash: string, imageDigest: string | undefined): string {
  if (imageDigest === undefined) return hash;
  return createHash("sha256").update(`${hash}\n${imageDigest}`).digest("hex").slice(0, 16);
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
