import { z } from "zod";

/** How far numbers may be trusted, and why. */

export const VerdictStatus = z.enum(["valid", "suspect", "invalid"]).meta({
  id: "VerdictStatus",
  description: "suspect: read the reasons before using the numbers; invalid: do not use them.",
});
export type VerdictStatus = z.infer<typeof VerdictStatus>;

export const ReasonCode = z
  .enum([
    "schedule-lag",
    "rate-not-held",
    "server-saturated",
    "failed-requests",
    "output-length",
    "cache-contract",
    "token-conservation",
    "other-clients",
    "client-cpu",
    "client-too-slow",
    "instance-changed",
    "shared-node",
    "neighbour",
    "neighbours-unknown",
    "warm-up-not-over",
    "drift",
    "few-samples",
    "precision-reached",
    "precision-not-reached",
    "no-usage",
    "first-chunk-tokens-unknown",
    "interrupted",
    "several-instances",
    "simulated",
    "client-beside-server",
  ])
  .meta({ id: "ReasonCode", description: "Stable; docs/metrics.md explains each." });
export type ReasonCode = z.infer<typeof ReasonCode>;

export const Reason = z
  .strictObject({
    code: ReasonCode,
    status: z.enum(["note", "suspect", "invalid"]),
    text: z.string().describe("A sentence with the figure that crossed the threshold."),
    value: z.number().optional().describe("That figure; shares are 0 to 1."),
    threshold: z.number().optional(),
    curable: z.boolean().optional().describe("False where measuring again cannot cure it."),
  })
  .meta({ id: "Reason" });
export type Reason = z.infer<typeof Reason>;

export const Verdict = z
  .strictObject({
    status: VerdictStatus,
    reasons: z.array(Reason),
    notes: z.array(Reason).describe("What a reader should know that changes no status."),
  })
  .meta({ id: "Verdict", description: "The status is the worst of the reasons." });
export type Verdict = z.infer<typeof Verdict>;
