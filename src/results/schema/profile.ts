import { z } from "zod";
import { ProfilingPlan } from "../../config/cluster-plan.ts";

/** What profiling leaves: capture.json of a deployment under the profiler, and summary.json of a cell's profile. */

export const ProfileRow = z
  .strictObject({
    name: z.string(),
    count: z.number().int().describe("Launches, calls, operations or ranges."),
    totalMs: z.number(),
    share: z.number().describe("Of the time of the whole table, 0 to 1."),
    meanUs: z.number(),
    medianUs: z.number().nullable().describe("Null where this version of nsys does not say."),
    minUs: z.number(),
    maxUs: z.number(),
    megabytes: z.number().optional().describe("Memory operations: 10⁶ bytes moved or set in all."),
  })
  .meta({ id: "ProfileRow" });
export type ProfileRow = z.infer<typeof ProfileRow>;

export const ProfileTable = z
  .strictObject({
    rows: z.array(ProfileRow).describe("The longest first, at most 20; the CSV file has them all."),
    names: z.number().int().describe("Rows of the whole table."),
    count: z.number().int(),
    totalMs: z.number(),
  })
  .meta({
    id: "ProfileTable",
    description:
      "Sums by name. Times of several streams or threads add up, so a total may be over the wall clock.",
  });
export type ProfileTable = z.infer<typeof ProfileTable>;

export const GpuTimeline = z
  .strictObject({
    device: z.string(),
    operations: z.number().int().describe("Kernels and memory operations."),
    spanMs: z.number().describe("From the start of the first operation to the end of the last."),
    busyMs: z.number().describe("At least one operation ran: overlapping ones count once."),
    busyShare: z.number().describe("busyMs / spanMs, 0 to 1."),
    longestGapMs: z.number(),
    gaps: z
      .array(
        z.strictObject({
          fromUs: z.number().describe("Gaps at least so long …"),
          toUs: z.number().nullable().describe("… and shorter than this; null: any."),
          count: z.number().int(),
          totalMs: z.number(),
        }),
      )
      .describe("Time inside the span in which nothing ran, by the length of the gap."),
  })
  .meta({ id: "GpuTimeline" });
export type GpuTimeline = z.infer<typeof GpuTimeline>;

export const ProfileLoad = z
  .strictObject({
    concurrency: z.number().int(),
    outputTokens: z.number().int(),
    planned: z.number().int(),
    ok: z.number().int(),
    failed: z.number().int(),
  })
  .meta({
    id: "ProfileLoad",
    description: "The requests that ran while it recorded. None of them is in any metric.",
  });
export type ProfileLoad = z.infer<typeof ProfileLoad>;

const file = z.strictObject({ name: z.string(), bytes: z.number().int() });

/** Facts of a recording that no table holds. */
const recordingFields = {
  schemaVersion: z.literal(1),
  simulated: z.boolean(),
  cell: z.string(),
  deployment: z.number().int().describe("The deployment under the profiler; it was never measured."),
  specHash: z.string().describe("Of the measured server, which this one is but for the profiler."),
  asked: ProfilingPlan,
  tool: z.strictObject({ name: z.literal("nsys"), version: z.string() }),
  recordedAt: z.string(),
  captureSeconds: z
    .number()
    .describe("From the start of the recording to the request to stop it, by llmbench's clock."),
  load: ProfileLoad,
  withheld: z
    .array(z.string())
    .describe(
      "Variables that the server was started without, because a profile keeps their values. Names only.",
    ),
  isolated: z
    .boolean()
    .describe(
      "The report knows the server's processes alone. False: it also holds names and environments of whatever else the user ran there.",
    ),
  gpus: z.array(GpuTimeline).describe("Empty where nothing ran on a GPU."),
};

/** deployments/<n>/capture/capture.json: its presence says that the recording is whole. */
export const ProfileCapture = z.strictObject({
  ...recordingFields,
  files: z.array(file).describe("What lies beside it."),
});
export type ProfileCapture = z.infer<typeof ProfileCapture>;

/** profile/summary.json, and `profile` of a cell in results.json. */
export const ProfileSummary = z
  .strictObject({
    ...recordingFields,
    cuda: z.boolean().describe("False: no CUDA data. Passes only where the config allows it."),
    kernels: ProfileTable.nullable().describe("Null where the recording has nothing of the kind."),
    cudaApi: ProfileTable.nullable(),
    memory: ProfileTable.nullable(),
    nvtx: ProfileTable.nullable().describe("Ranges that the engine itself marks."),
    systemCalls: ProfileTable.nullable().describe("Operating system runtime: waits are in it."),
    files: z.array(file).describe("In the cell's folder profile/."),
  })
  .meta({ id: "ProfileSummary" });
export type ProfileSummary = z.infer<typeof ProfileSummary>;
