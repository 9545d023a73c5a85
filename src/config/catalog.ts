import { engines } from "../engines/index.ts";
import { packagedModels } from "../engines/packages.ts";
import type { EngineContainer } from "../engines/spec.ts";
import type { EngineKind, EngineSettings } from "./plan.ts";

/** What a config is checked against: the engines' abilities and the models that llmbench can fetch by name. */
export interface Catalog {
  readonly engines: Readonly<Record<EngineKind, EngineFacts>>;
  /** What `package:` of a model may say, and whether engines that read no GGUF can have it. */
  readonly packages: readonly { readonly name: string; readonly convertible: boolean }[];
}

interface EngineFacts {
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

/** The engines and packages that there are. */
export function builtInCatalog(): Catalog {
  const facts = engines.map((spec): [EngineKind, EngineFacts] => [
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
  return { engines: Object.fromEntries(facts) as Record<EngineKind, EngineFacts>, packages: packagedModels };
}
