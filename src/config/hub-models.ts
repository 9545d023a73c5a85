import { posix } from "node:path";
import type { ModelPlan, Plan } from "./plan.ts";

/** A model that is brought from a hub. */
export interface HubModel {
  /** Of the first model of the config that lies there. */
  readonly id: string;
  /** Below the models share. */
  readonly folder: string;
  readonly source: NonNullable<ModelPlan["hub"]>;
}

/** Every folder that a plan's models are brought to from a hub, once. */
export function hubModels({ cells }: Plan): HubModel[] {
  const models = new Map<string, HubModel>();
  for (const { model } of cells) {
    if (model.hub === undefined || model.folder === undefined) continue;
    const folder = hubFolder(model.folder);
    if (!models.has(folder)) models.set(folder, { id: model.id, folder, source: model.hub });
  }
  return [...models.values()];
}

/** The folder that gets a model's files: that of the file, where a model is one. `.` for the share itself. */
export function hubFolder(folder: string): string {
  const path = posix.join(folder, "."); // without a slash at its end
  return /\.gguf$/i.test(path) ? posix.dirname(path) : path;
}
