import { type Catalog, factsOf } from "./catalog.ts";
import { unknownWords } from "./check-names.ts";
import type { EngineConfig } from "./engine-schema.ts";
import { type Finding, onKey, onValue, type Path } from "./finding.ts";
import { gpusOf, imageOf, versionOf } from "./resolve-container.ts";
import { isSimulated } from "./resolve-server.ts";
import type { Config, OverrideConfig } from "./schema.ts";
import { findReferences, isSecretName } from "./secrets.ts";
import { type CellConfig, modelOriginOf, originOf } from "./select-cells.ts";

/** Keys that mean something in a cluster only, and what to do on one machine. */
const CLUSTER_KEYS: Readonly<Record<string, string>> = {
  image: "this machine runs no images",
  command: "use process.command",
  resources: "this machine gives a server what it has",
  user: "servers run as you",
  pullPolicy: "this machine runs no images",
  folder: "use path",
  hub: "bring the model here with `llmbench models fetch`, and use path",
  pool: "this machine is the only pool",
};

/** And those that mean this machine. */
const MACHINE_KEYS: Readonly<Record<string, string>> = {
  process: "use image and command",
  path: "use folder, below storage.models",
  package: "use folder, below storage.models",
};

/** Keys of the other kind of place: a config is for this machine, or for a cluster. */
export function checkPlaces(config: Config): Finding[] {
  const [keys, words] = config.cluster
    ? [MACHINE_KEYS, "a cluster does not see this machine"]
    : [CLUSTER_KEYS, "only a config with a cluster has it"];
  const wrongKeys = (holder: object | null, path: Path) =>
    Object.entries(keys).flatMap(([key, instead]) =>
      (holder as Record<string, unknown> | null)?.[key] === undefined
        ? []
        : [onKey([...path, key], `${words}; ${instead}`)],
    );
  const { exclude = [], overrides = [], pools } = config.cells ?? {};
  return [
    ...Object.entries(config.engines).flatMap(([name, engine]) => wrongKeys(engine, ["engines", name])),
    ...Object.entries(config.models).flatMap(([name, model]) => wrongKeys(model, ["models", name])),
    ...exclude.flatMap((one, i) => wrongKeys(one, ["cells", "exclude", i])),
    ...overrides.flatMap((one, i) => wrongKeys(one, ["cells", "overrides", i])),
    ...(pools === undefined || config.cluster ? [] : [onKey(["cells", "pools"], words)]),
    ...checkPools(config),
    ...checkDatasets(config),
  ];
}

function checkPools({ cells, cluster }: Config): Finding[] {
  if (!cluster) return [];
  const known = Object.keys(cluster.pools);
  const unknown = (pool: string, path: Path) =>
    known.includes(pool) ? [] : [onValue(path, unknownWords("cluster.pools", pool, known))];
  const pools = cells?.pools ?? [];
  return [
    ...pools.flatMap((pool, i) =>
      pools.indexOf(pool) < i
        ? [onValue(["cells", "pools", i], `${JSON.stringify(pool)} is in the list already`)]
        : unknown(pool, ["cells", "pools", i]),
    ),
    ...(["exclude", "overrides"] as const).flatMap((section) =>
      (cells?.[section] ?? []).flatMap(({ pool }, i) =>
        pool === undefined ? [] : unknown(pool, ["cells", section, i, "pool"]),
      ),
    ),
  ];
}

/** Data sets of a cluster lie on the models share. */
function checkDatasets({ cluster, load, cells }: Config): Finding[] {
  if (!cluster) return [];
  const loads: [Path, string | undefined][] = [
    [["load", "dataset"], load?.dataset],
    ...(cells?.overrides ?? []).map((override, i): [Path, string | undefined] => [
      ["cells", "overrides", i, "load", "dataset"],
      override.load?.dataset,
    ]),
  ];
  return loads.flatMap(([path, dataset]) =>
    dataset !== undefined && (/^[/~]/.test(dataset) || dataset.split("/").includes(".."))
      ? [onValue(path, "a cluster reads it from its models share; expected a path below storage.models")]
      : [],
  );
}

/** What a container needs that the config may say in several places. */
export function checkContainer(config: Config, cell: CellConfig, catalog: Catalog): Finding[] {
  const { engine, kind } = cell;
  if (kind === undefined || isSimulated(engine)) return [];
  const facts = factsOf(catalog, kind);
  const findings: Finding[] = [];
  const from = (pick: (place: EngineConfig | OverrideConfig) => unknown) => originOf(config, cell, pick);
  const { folder, path, package: packaged } = cell.source;
  // NIM can bring a model of its own; a place on this machine has been told of already.
  if (
    folder === undefined &&
    path === undefined &&
    packaged === undefined &&
    kind !== "nim" &&
    cell.source.hub === undefined
  )
    findings.push(
      onKey(
        ["models", cell.model],
        `add folder: where below the models share ${JSON.stringify(cell.variant)} finds it`,
      ),
    );
  findings.push(...checkForm(config, cell, facts.title));
  if (imageOf(engine, facts) === undefined)
    findings.push(
      onKey(
        ["engines", cell.variant],
        `add image: ${[facts.title, versionOf(engine, facts)].filter(Boolean).join(" ")} has none that serves every model, so perhaps in cells.overrides`,
      ),
    );
  else if (facts.eras && versionOf(engine, facts) === undefined)
    findings.push(
      onValue(
        [...from((place) => place.image), "image"],
        `its tag begins with no version, and ${facts.title} is asked by version; add version`,
      ),
    );
  const wanted = engine.settings?.tensorParallel;
  if (wanted !== undefined && gpusOf(engine) < wanted)
    findings.push(
      onValue(
        [...from((place) => place.resources?.gpus), "resources", "gpus"],
        `too few: settings.tensorParallel is ${wanted}`,
      ),
    );
  return [...findings, ...checkSecrets(config, cell)];
}

function checkForm(config: Config, cell: CellConfig, title: string): Finding[] {
  const { folder } = cell.source;
  const extension = /\.(?:gguf|safetensors|bin|pt|pth|onnx)$/i.exec(folder ?? "")?.[0];
  if (extension === undefined || (cell.kind === "llamacpp" && extension.toLowerCase() === ".gguf")) return [];
  return [
    onValue(
      modelOriginOf(config, cell, "folder"),
      cell.kind === "llamacpp"
        ? `${title} reads GGUF files; found ${extension}`
        : `${title} reads a model's folder; found ${extension}`,
    ),
  ];
}

/** Every secret of a server is a Secret that the cluster section names. */
function checkSecrets(config: Config, cell: CellConfig): Finding[] {
  const holder = (name: string) => originOf(config, cell, (place) => place.env?.[name]);
  return checkSecretEnv(config, cell.engine.env, holder);
}

export function checkSecretEnv(
  config: Config,
  env: EngineConfig["env"],
  holder: (name: string) => Path,
): Finding[] {
  const known = Object.keys(config.cluster?.secrets ?? {});
  return Object.entries(env ?? {}).flatMap(([name, value]) => {
    if (typeof value !== "object" && !isSecretName(name)) return [];
    const [reference, ...others] =
      typeof value === "object"
        ? [{ name: value.secret, fallback: undefined }]
        : (findReferences(String(value)) ?? []);
    if (reference === undefined) return [];
    const path = [...holder(name), "env", name];
    const whole = typeof value === "object" || value === `\${${reference.name}}`;
    if (!whole || others.length > 0)
      return [
        onValue(
          path,
          `a cluster's secret is one value and has no default; write {secret: ${reference.name}}`,
        ),
      ];
    return known.includes(reference.name)
      ? []
      : [onValue(path, unknownWords("cluster.secrets", reference.name, known))];
  });
}
