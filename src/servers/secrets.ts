import type { ServerSpec } from "./server.ts";

/** Values of a spec's environment that must not be shown. */
export function secretValues({ env, secretEnv }: Pick<ServerSpec, "env" | "secretEnv">): string[] {
  return secretEnv.flatMap((name) => env[name] ?? []).filter((value) => value !== "");
}

/** The text with each of these values replaced by `***`. */
export function maskValues(text: string, values: Iterable<string>): string {
  let masked = text;
  for (const value of values) masked = masked.replaceAll(value, "***");
  return masked;
}
