import { z } from "zod";

/** How steps hand the server of a cell to each other. */
export const ServerRef = z.strictObject({
  cell: z.string(),
  deployment: z.number().int().nonnegative(),
  instance: z.string(),
  url: z.string(),
});
export type ServerRef = z.infer<typeof ServerRef>;
