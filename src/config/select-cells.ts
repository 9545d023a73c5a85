import { listedEngines } from "../engines/index.ts";
import { defined } from "./defined.ts";
import type { EngineConfig, ModelConfig } from "./engine-schema.ts";
import type { Path } from "./finding.ts";
import type { LoadConfig } from "./load-schema.ts";
import type { Config, OverrideConfig } from "./schema.ts";

/** A cell as the config says it: overrides applied, defaults not yet. */
export interface CellConfig {
  readonly variant: string;
  /** Undefined where the config names no engine that there is. */
  readonly kind: string | undefined;
  readonly model: string;
  /** Of the cluster; undefined without one. */
  readonly pool: string | undefined;
  readonly engine: EngineConfig;
  readonly source: ModelConfig;
  readonly load: LoadConfig;
}

/** The kind of a variant: what it says, or else its name. Undefined where there is no such engine. */
export function kindOf(variant: string, engine: EngineConfig | null): string | undefined {
  const kind = engine?.kind ?? variant;
  return listedEngines().some((spec) => spec.kind === kind) ? kind : undefined;
}

/** The pools that cells run in; one that is no pool where there is no cluster. */
export function poolsOf(config: Config): readonly (string | undefined)[] {
  if (!config.cluster) return [undefined];
  const pools = Object.keys(config.cluster.pools);
  return config.cells?.pools?.filter((pool) => pools.includes(pool)) ?? pools;
}

/**
 * The matrix without what is excluded, model by model, so that the variants that are compared run one after the
 * other, in each pool. Overrides apply in order: mappings are merged key by key, anything else is replaced.
 */
export function selectCells(config: Config): CellConfig[] {
  const excluded = config.cells?.exclude ?? [];
  const overrides = config.cells?.overrides ?? [];
  const cells: CellConfig[] = [];
  for (const [model, source] of Object.entries(config.models)) {
    for (const pool of poolsOf(config)) {
      for (const [variant, engine] of Object.entries(config.engines)) {
        let cell: CellConfig = {
          variant,
          kind: kindOf(variant, engine),
          model,
          pool,
          engine: engine ?? {},
          source: source ?? {},
          load: config.load ?? {},
        };
        if (excluded.some((selector) => selects(selector, cell))) continue;
        for (const override of overrides)
          if (selects(override, cell)) cell = { ...cell, ...applyOverride(cell, override) };
        cells.push(cell);
      }
    }
  }
  return cells;
}

/** Whether an exclude or an override is about a cell. */
export function selects(
  selector: Pick<OverrideConfig, "engine" | "model" | "pool">,
  { variant, model, pool }: Pick<CellConfig, "variant" | "model" | "pool">,
): boolean {
  return (
    (selector.engine ?? variant) === variant &&
    (selector.model ?? model) === model &&
    (selector.pool ?? pool) === pool
  );
}

/**
 * Where a cell takes a setting from, for messages: its last override that has it, else its variant. `pick` sees
 * either.
 */
export function originOf(
  config: Config,
  cell: Pick<CellConfig, "variant" | "model" | "pool">,
  pick: (from: EngineConfig | OverrideConfig) => unknown,
): Path {
  const overrides = config.cells?.overrides ?? [];
  const last = overrides.findLastIndex((override) => selects(override, cell) && pick(override) !== undefined);
  return last === -1 ? ["engines", cell.variant] : ["cells", "overrides", last];
}

/** The same of what a model says: its last override that has it, else the model itself. */
export function modelOriginOf(
  config: Config,
  cell: Pick<CellConfig, "variant" | "model" | "pool">,
  key: keyof ModelConfig,
): Path {
  const from = originOf(config, cell, (place) => (key in place ? (place as ModelConfig)[key] : undefined));
  return from[0] === "engines" ? ["models", cell.model, key] : [...from, key];
}

function applyOverride(
  cell: CellConfig,
  override: OverrideConfig,
): Pick<CellConfig, "engine" | "source" | "load"> {
  const { args, startTimeout, stopTimeout, image, command, user, pullPolicy } = override;
  const { path, folder, hub, package: packaged, servedName, precision } = override;
  // A model has one source, a request one kind of prompt: the override's takes the other's place.
  const otherSource =
    path === undefined && packaged === undefined ? {} : { path: undefined, package: undefined };
  // What the hub has for one folder belongs to no other.
  const otherFolder = folder === undefined ? {} : { hub: undefined };
  const { prompt: _prompt, dataset: _dataset, ...asked } = cell.load;
  return {
    engine: defined({
      ...cell.engine,
      settings: { ...cell.engine.settings, ...override.settings },
      env: { ...cell.engine.env, ...override.env },
      resources: { ...cell.engine.resources, ...override.resources },
      ...defined({ args, startTimeout, stopTimeout, image, command, user, pullPolicy }),
    }),
    source: defined({
      ...cell.source,
      ...otherSource,
      ...otherFolder,
      ...defined({ path, folder, hub, package: packaged, servedName, precision }),
    }),
    load: {
      ...(override.load?.prompt === undefined && override.load?.dataset === undefined ? cell.load : asked),
      ...defined(override.load ?? {}),
      body: { ...cell.load.body, ...override.load?.body },
    },
  };
}
