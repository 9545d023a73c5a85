import { listedEngines } from "../engines/index.ts";
import { packagedModels } from "../engines/packages.ts";
import type { EngineContainer } from "../engines/spec.ts";
import type { EngineSettings } from "./plan.ts";

/** What a config is checked against: the engines' abilities and the models that llmbench can fetch by name. */
export interface Catalog {
  readonly engines: Readonly<Record<string, EngineFacts>>;
  /** What `package:` of a model may say, and whether engines that read no GGUF can have it. */
  readonly packages: readonly { readonly name: string; readonly convertible: boolean }[];
}

export interface EngineFacts {
  readonly title: string;
  readonly settings: readonly (keyof EngineSettings)[];
  readonly startTimeoutSeconds: number;
  readonly stopTimeoutSeconds: number;
  /** Whether llmbench knows how to start it as a process, without being told a command. */
  readonly starts: boolean;
  readonly container: EngineContainer;
  /** Whether its versions differ in how they are asked. */
  readonly eras: boolean;
}

/** Of an engine that the catalog has, as a checked config names it. */
export function factsOf({ engines }: Catalog, kind: string): EngineFacts {
  const facts = engines[kind];
  if (facts === undefined) throw new RangeError(`no engine ${kind}`);
  return facts;
}

/** The engines and packages that there are. */
export function builtInCatalog(): Catalog {
  const facts = listedEngines().map((spec): [string, EngineFacts] => [
    spec.kind,
    {
      title: spec.title,
      settings: spec.settings,
      startTimeoutSeconds: spec.defaultStartTimeoutSeconds,
      stopTimeoutSeconds: spec.defaultStopTimeoutSeconds,
      // llama.cpp is a program of its own and needs no Python to name.
      starts: spec.localCommand !== undefined || spec.kind === "llamacpp",
      container: spec.container,
      eras: spec.dialect("0").name !== spec.dialect(undefined).name,
    },
  ]);
  return { engines: Object.fromEntries(facts), packages: packagedModels };
}
