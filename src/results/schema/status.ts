import { z } from "zod";

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
  /** Of llmbench, or of a plugin. */
  step: z.string().optional(),
  error: StoredError.optional(),
  updatedAt: z.string(),
});
export type CellStatus = z.infer<typeof CellStatus>;
