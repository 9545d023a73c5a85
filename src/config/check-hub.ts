import { checkSecretEnv } from "./check-places.ts";
import { type Finding, formatPath, onKey, onValue, type Path } from "./finding.ts";
import { hubFolder } from "./hub-models.ts";
import type { Config } from "./schema.ts";
import { type CellConfig, modelOriginOf } from "./select-cells.ts";

/** Models that come from a hub: each into a folder of its own. */
export function checkHub(config: Config, cells: readonly CellConfig[]): Finding[] {
  const { cluster } = config;
  if (!cluster) return [];
  const { env } = cluster.hub ?? {};
  const endpoint = env?.["HF_ENDPOINT"];
  return [
    ...checkFolders(config, cells),
    ...checkSecretEnv(config, env, () => ["cluster", "hub"]),
    ...(typeof endpoint === "string" && !isAddress(endpoint)
      ? [
          onValue(
            ["cluster", "hub", "env", "HF_ENDPOINT"],
            "expected the address of a hub, such as https://huggingface.co",
          ),
        ]
      : []),
  ];
}

interface Wanted {
  readonly from: string;
  /** Where the config says so. */
  readonly path: Path;
}

function checkFolders(config: Config, cells: readonly CellConfig[]): Finding[] {
  const findings = new Map<string, Finding>();
  const folders = new Map<string, Wanted>();
  const tell = (finding: Finding) => findings.set(formatPath(finding.path), finding);
  for (const cell of cells) {
    const { hub, folder } = cell.source;
    if (hub === undefined) continue;
    const path = modelOriginOf(config, cell, "hub");
    if (folder === undefined) {
      tell(onKey(path, "add folder: where below the models share it is to lie"));
      continue;
    }
    const target = hubFolder(folder);
    if (target === ".") {
      tell(
        onValue(
          modelOriginOf(config, cell, "folder"),
          `a model of a hub needs a folder of its own; write ${folder.replace(/\.gguf$/i, "")}/${folder}`,
        ),
      );
      continue;
    }
    const from = JSON.stringify(typeof hub === "string" ? { repo: hub } : hub);
    const same = folders.get(target);
    if (same !== undefined && same.from !== from)
      tell(onKey(path, `${target} gets what ${formatPath(same.path)} says; give this one another folder`));
    const inner = [...folders].find(
      ([other]) => other.startsWith(`${target}/`) || target.startsWith(`${other}/`),
    );
    if (inner !== undefined)
      tell(
        onKey(path, `${target} and ${inner[0]} (${formatPath(inner[1].path)}) lie in each other; move one`),
      );
    if (same === undefined) folders.set(target, { from, path });
  }
  return [...findings.values()];
}

function isAddress(text: string): boolean {
  return /^https?:\/\/[^/]/.test(text) && URL.canParse(text);
}
