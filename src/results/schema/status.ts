import { z } from "zod";

export const StepName = z.enum([
  "prepare",
  "deploy",
  "wait-healthy",
  "warmup",
  "sweep",
  "profile",
  "copy-profile",
  "teardown",
  "finish",
]);
export type StepName = z.infer<typeof StepName>;

export const StoredError = z
  .strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    details: z.array(z.string()).optional(),
  })
  .meta({ id: "StoredError" });
export type StoredError = z.infer<typeof StoredError>;

/** cells/<cell>/status.json */
export const CellStatus = z.strictObject({
  schemaVersion: z.literal(1),
  cell: z.string(),
  status: z.enum(["pending", "running", "done", "failed", "interrupted"]),
  step: StepName.optional(),
  error: StoredError.optional(),
  updatedAt: z.string(),
});
export type CellStatus = z.infer<typeof CellStatus>;
