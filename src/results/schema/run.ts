import { z } from "zod";
import { Plan } from "../../config/plan.ts";
import { AbDesign } from "./ab.ts";

export const Hardware = z
  .strictObject({
    name: z
      .string()
      .describe('Short name that is compared and shown, e.g. "AMD EPYC 7763, 2 cores" or "NVIDIA A10 x1".'),
    cpu: z.strictObject({ model: z.string(), cores: z.number().int() }).optional(),
    memoryBytes: z.number().int().optional(),
    gpus: z.array(
      z.strictObject({ name: z.string(), memoryMiB: z.number().optional(), driver: z.string().optional() }),
    ),
  })
  .meta({ id: "Hardware" });
export type Hardware = z.infer<typeof Hardware>;

/** run.json */
export const RunRecord = z.strictObject({
  schemaVersion: z.literal(1),
  id: z.string(),
  simulated: z.boolean(),
  plan: Plan,
  executor: z.enum(["local", "argo", "bench"]),
  startedAt: z.string(),
  user: z.string().optional(),
  host: z.string().optional(),
  os: z.string(),
  versions: z.strictObject({ llmbench: z.string(), node: z.string() }),
  hardware: Hardware,
  /** Of `llmbench ab`. */
  ab: AbDesign.optional(),
});
export type RunRecord = z.infer<typeof RunRecord>;
