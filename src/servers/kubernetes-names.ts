import { createHash } from "node:crypto";

/** Longest label of DNS, so longest name of a Service and longest value of a label. */
const LONGEST = 63;
/** Names of namespaces (RFC 1123 label). */
export const LABEL_PATTERN = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** Names of most other objects: Secrets, claims, ConfigMaps (RFC 1123 subdomain). */
export const SUBDOMAIN_PATTERN =
  /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/**
 * A name that every kind of Kubernetes object takes (RFC 1035: lower-case letters, digits and `-`, a letter first).
 * Text that is one already stays as it is; anything else ends in a hash of the whole, so that no two texts share a
 * name. `longest` leaves room for what Kubernetes itself adds (pods of a Deployment: 17 characters).
 */
export function kubernetesName(text: string, longest = LONGEST): string {
  if (text.length <= longest && /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/.test(text)) return text;
  const slug = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "");
  return withHash(slug, text, longest) ?? `x-${hashOf(text)}`;
}

/** What the objects of a config are called, apart from those of its servers. A CronWorkflow's name has 52 characters. */
export function configObjectName(config: string, what?: string): string {
  return kubernetesName(["llmbench", config, ...(what === undefined ? [] : [what])].join("-"), 52);
}

/** A label's value, which may have capitals, `_` and `.`; again as it is where that is allowed, else with a hash. */
export function labelValue(text: string): string {
  if (isLabelValue(text)) return text;
  const slug = text.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return withHash(slug, text, LONGEST) ?? hashOf(text);
}

/** Whether a text may be a label's value as it stands; empty may. */
export function isLabelValue(text: string): boolean {
  return text.length <= LONGEST && /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$/.test(text);
}

/** Whether a text is a label's key: a name of at most 63 characters, before it perhaps a domain and `/`. */
export function isLabelKey(text: string): boolean {
  const [name = "", domain, ...rest] = text.split("/").reverse();
  const validDomain = domain === undefined || SUBDOMAIN_PATTERN.test(domain);
  return rest.length === 0 && validDomain && name !== "" && isLabelValue(name);
}

/**
 * Names of the tasks of one Argo template (letters, digits and `-`, no dot), by text: as readable as they can be, with
 * a hash only where two would be the same or where the text is too long.
 */
export function taskNames(texts: readonly string[]): ReadonlyMap<string, string> {
  const longest = 128;
  const plain = (text: string) => text.replaceAll(/[^A-Za-z0-9-]+/g, "-").replace(/^-+|-+$/g, "");
  const uses = new Map<string, number>();
  for (const text of new Set(texts)) uses.set(plain(text), (uses.get(plain(text)) ?? 0) + 1);
  return new Map(
    texts.map((text) => {
      const slug = plain(text);
      const clear = slug !== "" && slug.length <= longest && uses.get(slug) === 1;
      return [text, clear ? slug : (withHash(slug, text, longest) ?? hashOf(text))];
    }),
  );
}

function withHash(slug: string, text: string, longest: number): string | undefined {
  const hash = hashOf(text);
  const start = slug.slice(0, longest - hash.length - 1).replace(/[^A-Za-z0-9]+$/, "");
  return start === "" ? undefined : `${start}-${hash}`;
}

/** 32 bits: among the thousand names of a large config, two are the same once in 10 000 configs. */
function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
