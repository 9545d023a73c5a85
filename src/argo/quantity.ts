import { DefinitionError } from "./error.ts";

/** Processor time: `"500m"`, `"2"`. */
export type CpuQuantity = `${number}` | `${number}m`;

/** An amount of memory or disk: `"512Mi"`, `"16Gi"`. */
export type ByteQuantity = `${number}${"" | "k" | "M" | "G" | "T" | "P" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi"}`;

/** What a container asks for or may use. Extended resources have a domain: `"nvidia.com/gpu": 1`. */
export interface Resources {
  readonly cpu?: CpuQuantity;
  readonly memory?: ByteQuantity;
  readonly "ephemeral-storage"?: ByteQuantity;
  readonly [extended: `${string}/${string}`]: number;
  readonly [pages: `hugepages-${string}`]: ByteQuantity;
}

/** A length of time: `"90s"`, `"10m"`, `"2h"`, `"1h30m"`. */
export type Duration = `${number}${"s" | "m" | "h"}` | `${number}h${number}m` | `${number}m${number}s`;

const unitSeconds = { h: 3600, m: 60, s: 1 } as const;

/** Whole seconds. Throws where the text is no duration or not a whole number of seconds. */
export function inSeconds(duration: Duration): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  const seconds = parts.reduce((sum, [, amount, unit]) => {
    return sum + Number(amount) * unitSeconds[unit as keyof typeof unitSeconds];
  }, 0);
  if (parts.map(([part]) => part).join("") === duration && seconds > 0 && Number.isInteger(seconds))
    return seconds;
  throw new DefinitionError(
    "ARGO_BAD_DURATION",
    `"${duration}" is not a length of time in whole seconds.`,
    'Write "90s", "10m", "2h" or "1h30m".',
  );
}

/** Resources as Kubernetes writes them: every amount is a string. */
export const writeResources = (resources: Resources): Record<string, string> =>
  Object.fromEntries(
    Object.entries(resources).flatMap(([name, amount]) =>
      amount === undefined ? [] : [[name, String(amount)]],
    ),
  );
