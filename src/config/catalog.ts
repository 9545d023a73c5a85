import type { EngineSpec } from "../engines/spec.ts";
import type { EngineKind } from "./plan.ts";

/** What a config is checked against: the engines' abilities and the models that llmbench can fetch by name. */
export interface Catalog {
  readonly engines: Readonly<Record<EngineKind, EngineFacts>>;
  /** Names for `package:` of a model. */
  readonly packages: readonly string[];
}

export type EngineFacts = Pick<
  EngineSpec,
  "title" | "settings" | "defaultStartTimeoutSeconds" | "defaultStopTimeoutSeconds" | "localCommand"
>;
