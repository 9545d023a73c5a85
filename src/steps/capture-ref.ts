import { z } from "zod";

/** How `profile` hands its recording to `copy-profile`: where it lies in the run folder. */
export const CaptureRef = z.strictObject({ cell: z.string(), deployment: z.number().int().positive() });
export type CaptureRef = z.infer<typeof CaptureRef>;
