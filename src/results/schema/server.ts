import { z } from "zod";

export const Startup = z
  .strictObject({
    scheduledMs: z.number().nullable(),
    pulledMs: z.number().nullable(),
    startedMs: z.number().nullable(),
    portOpenMs: z.number().nullable(),
    readyMs: z.number().nullable(),
    firstCompletionMs: z.number().nullable(),
  })
  .meta({
    id: "Startup",
    description:
      "Milliseconds from the start of deploy; null where the phase does not exist (a local process is not scheduled).",
  });
export type Startup = z.infer<typeof Startup>;

/** deployments/<n>/server.json: one deployment of a cell's server. Secrets are masked before it is written. */
export const ServerRecord = z
  .strictObject({
    schemaVersion: z.literal(1),
    simulated: z.boolean(),
    cell: z.string(),
    deployment: z.number().int(),
    instance: z.string().describe("Changes whenever the server process or pod does."),
    specHash: z.string(),
    url: z.string(),
    backend: z.enum(["process", "kubernetes", "standing"]),
    engine: z.string(),
    engineVersion: z
      .string()
      .describe('As the server itself or its package says; "unknown" where nothing says.'),
    dialect: z.string(),
    command: z.array(z.string()),
    cwd: z.string().optional(),
    env: z.record(z.string(), z.string()),
    pid: z.number().int().optional(),
    image: z.string().optional(),
    imageDigest: z.string().optional(),
    node: z.string().optional(),
    checkout: z
      .strictObject({ commit: z.string(), dirty: z.boolean(), path: z.string() })
      .optional()
      .describe("Commit of a git checkout that ran, and whether it had uncommitted changes."),
    model: z.strictObject({
      id: z.string(),
      servedName: z.string(),
      path: z.string().optional(),
      hash: z.string().optional(),
      precision: z.string().optional(),
    }),
    startup: Startup,
    profiler: z
      .literal("nsys")
      .optional()
      .describe("It ran under this profiler, after the sweep: nothing was measured on it."),
    startedAt: z.string(),
    stoppedAt: z.string().optional(),
    reported: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("What the server says of itself (/version, /info, /props), for the record."),
  })
  .meta({ id: "ServerRecord" });
export type ServerRecord = z.infer<typeof ServerRecord>;
