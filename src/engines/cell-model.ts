import type { CellPlan, EngineSettings } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import { precisionOfType } from "./model-files.ts";
import type { ResolvedModel } from "./models.ts";

/** A model whose files we do not see. */
export function unseenModel({ model }: CellPlan): ResolvedModel {
  return {
    id: model.id,
    servedName: model.servedName ?? model.id,
    form: "none",
    ...(model.precision === undefined ? {} : { precision: model.precision }),
  };
}

/** Weights that are not quantised are held in the type that the engine is told to compute in. */
export function computedPrecision(
  { model: plan }: CellPlan,
  { form, precision }: ResolvedModel,
  { settings }: { readonly settings: EngineSettings },
): { precision?: string } {
  const told = settings.dtype === undefined ? undefined : precisionOfType(settings.dtype);
  const unquantised = precision === undefined || /^(BF16|F16|F32)$/.test(precision);
  return plan.precision === undefined && form === "hf" && told !== undefined && unquantised
    ? { precision: told }
    : {};
}

export function engineKindOf({ id, engine }: CellPlan): string {
  if (engine !== "openai") return engine;
  throw new LlmbenchError("ENGINE_UNKNOWN", `${id}: a server that llmbench starts needs a kind of engine.`);
}

/** Requests that the cell's load has in flight at most. */
export function mostAtOnce(points: CellPlan["points"]): number {
  return Math.max(1, ...points.map(({ load }) => load.concurrency ?? load.maxConcurrency ?? 1));
}
