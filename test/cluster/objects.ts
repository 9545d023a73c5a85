import { call } from "./cluster.ts";

const kinds = (namespaced: boolean) =>
  call("kubectl", ["api-resources", "--verbs=list", `--namespaced=${namespaced}`, "-o", "name"])
    .split("\n")
    .filter(Boolean);

function list(namespaced: boolean, selector: string, where: readonly string[]): string[] {
  const words = ["get", kinds(namespaced).join(","), "-l", selector, "-o", "name", "--ignore-not-found"];
  return call("kubectl", [...words, ...where])
    .split("\n")
    .filter(Boolean);
}

/** All objects with these labels, whatever they are and wherever they lie, as `kind/name`, sorted. */
export const objectsLabelled = (selector: string): string[] =>
  [...list(true, selector, ["-A"]), ...list(false, selector, [])].sort();

/** Those in a namespace, and those of the cluster that are called after it. */
export const objectsOfNamespace = (selector: string, namespace: string): string[] =>
  [
    ...list(true, selector, ["-n", namespace]),
    ...list(false, selector, []).filter((name) => name.includes(namespace)),
  ].sort();
