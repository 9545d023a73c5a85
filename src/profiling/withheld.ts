/** `scheme://user:password@host`: a password that no name tells of. */
const credentials = /:\/\/[^/\s:@]*:[^/\s@]+@/;

/**
 * Names of variables whose values must not be in the environment of a profiled server, which its profile keeps:
 * `isSecret` by name, and addresses with a password by value.
 */
export function secretVariables(
  env: Readonly<Record<string, string | undefined>>,
  isSecret: (name: string) => boolean,
): string[] {
  return Object.entries(env)
    .filter(
      ([name, value]) => value !== undefined && value !== "" && (isSecret(name) || credentials.test(value)),
    )
    .map(([name]) => name)
    .sort();
}
