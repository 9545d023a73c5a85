import { z } from "zod";

export const Cost = z
  .strictObject({
    currency: z.string(),
    perMillionOutputTokens: z
      .number()
      .nullable()
      .describe("Price a GPU-hour × GPUs / 3600 / output tokens a second × 10⁶."),
    perMillionGoodTokens: z
      .number()
      .nullable()
      .describe("The same of the tokens of requests that met every SLO; null without SLOs."),
  })
  .meta({ id: "Cost", description: "Only where the plan has a price." });
export type Cost = z.infer<typeof Cost>;

const CapacityProbe = z
  .strictObject({
    point: z.string().describe("The point whose measurement it is."),
    repetition: z.number().int(),
    phase: z.enum(["lone", "bracket", "refine"]),
    load: z.number(),
    requests: z.number().int(),
    good: z.number().int(),
    judged: z.number().int(),
    clientFailed: z.boolean(),
  })
  .meta({ id: "CapacityProbe" });

/** What a search for the capacity found. */
export const CapacityResult = z
  .strictObject({
    id: z.string(),
    block: z.string(),
    by: z.enum(["rate", "concurrency"]),
    target: z.number().describe("Share of requests that must meet every SLO, 0 to 1."),
    status: z
      .enum(["found", "unmet", "at-least", "not-falling", "unfinished"])
      .describe(
        "found: there is an interval; unmet: the target is missed at the lowest load; at-least: it is met at the highest; not-falling: the share was not shown to fall near the target; unfinished: probes are missing.",
      ),
    ended: z.enum(["precision", "requests", "time", "bound", "client", "missing"]),
    capacity: z
      .number()
      .nullable()
      .describe(
        "The headline: the lower end of the interval (whole requests in flight), or the bound where it is one. Requests a second, or in flight.",
      ),
    estimate: z.number().nullable(),
    interval: z
      .tuple([z.number(), z.number()])
      .nullable()
      .describe("Of requests in flight: whole ones, of which the most that meet the target is one."),
    level: z.number(),
    curve: z
      .strictObject({
        centre: z.number(),
        intercept: z.number(),
        slope: z.number(),
        overdispersion: z.number().describe("How many times more shares vary than of independent requests."),
      })
      .nullable()
      .describe("logit(share) = intercept + slope × ln(load / centre), through the probes near the target."),
    requestsPerSecond: z.number().nullable().describe("At the capacity, of one server."),
    outputTokensPerSecond: z.number().nullable().describe("At the capacity, of one server."),
    cost: Cost.optional(),
    forLoad: z.number().optional(),
    replicas: z.number().int().optional().describe("ceil(forLoad / capacity)."),
    requests: z.number().int().describe("Requests of all probes."),
    seconds: z.number().describe("Time of all probes."),
    probes: z.array(CapacityProbe),
  })
  .meta({ id: "CapacityResult" });
export type CapacityResult = z.infer<typeof CapacityResult>;
