import type { ServerSpec } from "./server.ts";

/** Values of a spec's environment that must not be shown. */
export function secretValues({ env, secretEnv }: Pick<ServerSpec, "env" | "secretEnv">): string[] {
  return secretEnv.flatMap((name) => env[name] ?? []).filter((value) => value !== "");
}
