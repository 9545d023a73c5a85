type Value = string | number | undefined;

/** `{ "--port": 80, "--dtype": undefined }` as words of a command: what is undefined is left out. */
export function flags(values: Readonly<Record<string, Value>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name, `${value}`]));
}

/** The same for environment variables. */
export function variables(values: Readonly<Record<string, Value>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  );
}

/** Models come from disk: Hugging Face's libraries are to ask no one for them. */
export const hubOffline = { HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1" } as const;
