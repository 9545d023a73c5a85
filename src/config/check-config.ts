import { type Catalog, factsOf } from "./catalog.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkHub } from "./check-hub.ts";
import { checkLoad } from "./check-load.ts";
import { checkBaseline, checkNames, type KnownNames, unknownName } from "./check-names.ts";
import { checkContainer, checkPlaces } from "./check-places.ts";
import { LOAD_DEFAULTS } from "./defaults.ts";
import type { EngineConfig, ModelConfig } from "./engine-schema.ts";
import { didYouMean } from "./explain-issues.ts";
import { type Finding, onKey, onValue, type Path } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { EngineSettings } from "./plan.ts";
import { expandBlock } from "./points.ts";
import { isSimulated } from "./resolve-server.ts";
import type { Config, OverrideConfig } from "./schema.ts";
import { type CellConfig, kindOf, originOf, selectCells, selects } from "./select-cells.ts";
import { splitWords, WordsError } from "./words.ts";

/** All that a schema cannot see: what spans several keys, names that must exist, what each engine can do. */
export function checkConfig(config: Config, names: KnownNames, catalog: Catalog): Finding[] {
  const cells = selectCells(config);
  return [
    ...checkNames(names),
    ...Object.entries(config.engines).flatMap(([variant, engine]) =>
      checkEngine(variant, engine ?? {}, names, catalog),
    ),
    ...Object.entries(config.models).flatMap(([model, source]) =>
      checkSource(source ?? {}, ["models", model], catalog),
    ),
    ...(names.onCluster === Boolean(config.cluster) ? [...checkPlaces(config), ...checkCluster(config)] : []),
    ...checkHub(config, cells),
    ...checkSelectors(config, names, cells),
    ...(config.cells?.overrides ?? []).flatMap((override, i) =>
      checkOverride(override, cells, ["cells", "overrides", i], catalog),
    ),
    ...checkLoad(config.load ?? {}, ["load"]),
    ...onceEach(cells.flatMap((cell) => checkCell(config, cell, names.onCluster, catalog))),
    ...checkBaseline(config, names, cells),
    ...checkCapacity(config),
  ];
}

/** A search for the capacity is of requests that meet the SLOs. */
function checkCapacity(config: Config): Finding[] {
  const slos = config.slos ?? {};
  if (Object.values(slos).some((slo) => slo !== undefined)) return [];
  return (config.load?.blocks ?? []).flatMap((block, i) =>
    block.findCapacity === undefined || block.findCapacity === null
      ? []
      : [
          onKey(
            ["load", "blocks", i, "findCapacity"],
            "there are no SLOs to meet; add slos, such as slos: {ttft: 500ms, tpot: 40ms}",
          ),
        ],
  );
}

function checkEngine(variant: string, engine: EngineConfig, names: KnownNames, catalog: Catalog): Finding[] {
  const path: Path = ["engines", variant];
  const kind = kindOf(variant, engine);
  if (kind === undefined) {
    if (names.enginesMissing) return [];
    const kinds = Object.keys(catalog.engines);
    const near = nearest(engine.kind ?? variant, kinds);
    const meant = near === undefined ? "" : didYouMean(near);
    return engine.kind === undefined
      ? [onKey(path, `no engine has this name; add kind: one of ${kinds.join(", ")}${meant}`)]
      : [
          onValue(
            [...path, "kind"],
            `expected one of ${kinds.join(", ")}; found ${JSON.stringify(engine.kind)}${meant}`,
          ),
        ];
  }
  const findings = [
    ...checkSettings(engine.settings ?? {}, kind, [...path, "settings"], catalog),
    ...checkArguments(engine.args, [...path, "args"]),
    ...checkWords(engine.command, [...path, "command"]),
    ...checkWords(engine.process?.command, [...path, "process", "command"]),
  ];
  const { command, venv, checkout } = engine.process ?? {};
  if (command !== undefined && (venv !== undefined || checkout !== undefined)) {
    const other = venv === undefined ? "checkout" : "venv";
    findings.push(onKey([...path, "process", other], `give command or ${other}, not both`));
  }
  const facts = factsOf(catalog, kind);
  if (!names.onCluster && !isSimulated(engine) && !facts.starts && command === undefined)
    findings.push(
      onKey(
        path,
        `llmbench cannot start ${facts.title} on this machine; say how in process.command, write simulated: true, or add a cluster`,
      ),
    );
  return findings;
}

/** A secret among arguments shows in every list of processes, and in the results. */
function checkArguments(words: EngineConfig["args"], path: Path): Finding[] {
  const findings = checkWords(words, path);
  if (words === undefined || findings.length > 0) return findings;
  const list = typeof words === "string" ? splitWords(words) : words.map(String);
  const flag = list
    .find((word) => /^--(?:[\w-]*-)?(?:api-key|token|secret|password)(?:=|$)/.test(word))
    ?.split("=")[0];
  return flag === undefined
    ? []
    : [
        onValue(
          path,
          `${flag} is a secret, and arguments are visible to all; give it in env, if the engine takes it there`,
        ),
      ];
}

function checkSettings(
  settings: NonNullable<EngineConfig["settings"]>,
  kind: string,
  path: Path,
  catalog: Catalog,
): Finding[] {
  const { settings: known, title } = factsOf(catalog, kind);
  return Object.entries(settings).flatMap(([key, value]) =>
    value === undefined || known.includes(key as keyof EngineSettings)
      ? []
      : [onKey([...path, key], `${title} has no such setting; it has ${[...known].sort().join(", ")}`)],
  );
}

function checkWords(words: EngineConfig["args"], path: Path): Finding[] {
  if (Array.isArray(words))
    return path.at(-1) === "command" && words.length === 0 ? [onValue(path, "the list is empty")] : [];
  try {
    splitWords(words ?? "");
    return [];
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    return [onValue(path, `the line ${error.message}; quote it, or give a list of words`)];
  }
}

function checkSource(source: ModelConfig, path: Path, { packages }: Catalog): Finding[] {
  if (source.package === undefined) return [];
  if (source.path !== undefined) return [onKey([...path, "package"], "give path or package, not both")];
  const names = packages.map(({ name }) => name);
  if (names.includes(source.package)) return [];
  const near = nearest(source.package, names);
  return [
    onValue(
      [...path, "package"],
      `llmbench has no such package; it has ${names.join(", ")}${near === undefined ? "" : didYouMean(near)}`,
    ),
  ];
}

function checkSelectors(config: Config, names: KnownNames, cells: readonly CellConfig[]): Finding[] {
  const findings: Finding[] = [];
  for (const section of ["exclude", "overrides"] as const) {
    for (const [i, selector] of (config.cells?.[section] ?? []).entries()) {
      const path: Path = ["cells", section, i];
      const engine =
        selector.engine === undefined ? [] : unknownName(selector.engine, names.engines, "engines");
      const model = selector.model === undefined ? [] : unknownName(selector.model, names.models, "models");
      findings.push(...engine.map((text) => onValue([...path, "engine"], text)));
      findings.push(...model.map((text) => onValue([...path, "model"], text)));
      if (selector.engine === undefined && selector.model === undefined && selector.pool === undefined)
        findings.push(onKey(path, "says neither engine nor model, so it is about every cell"));
      else if (
        section === "overrides" &&
        names.onCluster === Boolean(config.cluster) &&
        (selector.pool === undefined || names.pools.includes(selector.pool)) &&
        engine.length + model.length === 0 &&
        !cells.some((cell) => selects(selector, cell))
      )
        findings.push(onKey(path, "is about no cell: what it selects is excluded"));
    }
  }
  const matrix = Object.keys(config.engines).length * Object.keys(config.models).length;
  if (
    cells.length === 0 &&
    matrix > 0 &&
    config.cells?.exclude !== undefined &&
    !findings.some(({ path }) => path[1] === "exclude")
  )
    findings.push(onKey(["cells", "exclude"], "excludes every cell"));
  return findings;
}

function checkOverride(
  override: OverrideConfig,
  cells: readonly CellConfig[],
  path: Path,
  catalog: Catalog,
): Finding[] {
  const { engine: _engine, model: _model, pool: _pool, ...changes } = override;
  if (Object.keys(changes).length === 0) return [onKey(path, "changes nothing")];
  // What one engine lacks is said once, though several variants of it are overridden.
  const kinds = new Set(cells.filter((cell) => selects(override, cell)).map(({ kind }) => kind));
  return [
    ...[...kinds].flatMap((kind) =>
      kind === undefined ? [] : checkSettings(override.settings ?? {}, kind, [...path, "settings"], catalog),
    ),
    ...checkArguments(override.args, [...path, "args"]),
    ...checkWords(override.command, [...path, "command"]),
    ...checkSource(override, path, catalog),
    ...checkLoad(override.load ?? {}, [...path, "load"]),
  ];
}

function checkCell(config: Config, cell: CellConfig, onCluster: boolean, catalog: Catalog): Finding[] {
  const findings: Finding[] = config.cluster ? checkContainer(config, cell, catalog) : [];
  const { path, package: packaged } = cell.source;
  if (!onCluster && cell.kind !== undefined && !isSimulated(cell.engine)) {
    if (path === undefined && packaged === undefined)
      findings.push(
        onKey(
          ["models", cell.model],
          `add path or package: ${JSON.stringify(cell.variant)} really serves this model`,
        ),
      );
    if (
      path === undefined &&
      cell.kind !== "llamacpp" &&
      catalog.packages.some(({ name, convertible }) => name === packaged && !convertible)
    )
      findings.push(
        onValue(
          modelOrigin(config, cell, "package"),
          `this package is a GGUF file, which ${factsOf(catalog, cell.kind).title} does not read; give a path, or exclude the pair`,
        ),
      );
    const extension = /\.(?:safetensors|bin|pt|pth|onnx)$/i.exec(path ?? "")?.[0];
    if (extension !== undefined)
      findings.push(
        onValue(
          modelOrigin(config, cell, "path"),
          cell.kind === "llamacpp"
            ? `${factsOf(catalog, "llamacpp").title} reads GGUF files; found ${extension}`
            : `expected the model's folder, not one file of it; found ${extension}`,
        ),
      );
  }
  const context = cell.engine.settings?.contextLength;
  if (context !== undefined) {
    const points = (cell.load.blocks ?? LOAD_DEFAULTS.blocks).flatMap((block) => expandBlock(block));
    const longest = Math.max(...points.map(({ load }) => (load.inputTokens ?? 0) + load.outputTokens));
    if (longest > context)
      findings.push(
        onValue(
          [...originOf(config, cell, (from) => from.settings?.contextLength), "settings", "contextLength"],
          `${context} tokens are too few: the load has requests of ${longest}`,
        ),
      );
  }
  return findings;
}

function modelOrigin(config: Config, cell: CellConfig, key: "path" | "package"): Path {
  const from = originOf(config, cell, (place) => (key in place ? (place as OverrideConfig)[key] : undefined));
  return from[0] === "engines" ? ["models", cell.model, key] : [...from, key];
}

/** Several cells may have one mistake in common. */
function onceEach(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path, at }) => {
    const place = JSON.stringify([path, at]);
    return !seen.has(place) && seen.add(place);
  });
}
