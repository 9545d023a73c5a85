import { z } from "zod";

/** What `llmbench ab` draws and finds: two cells, measured in pairs of blocks, and each metric's difference. */

const AbOrder = z.enum(["AB", "BA"]);

const AbServers = z.enum(["one", "both", "shared", "standing"]).meta({
  id: "AbServers",
  description:
    "one: each block deploys its own; both: A's and B's stay up together; shared: one server for both, which differ in load alone; standing: they were there already.",
});

/** Of run.json: how the cells of an A/B are measured. Block n of a cell is repetition n of its points. */
export const AbDesign = z
  .strictObject({
    a: z.string().describe("Cell that is compared with."),
    b: z.string().describe("Cell that is compared: better or worse is said of it."),
    servers: AbServers,
    orders: z.array(AbOrder).describe("Which block of each pair comes first, drawn by the seed."),
  })
  .meta({ id: "AbDesign" });
export type AbDesign = z.infer<typeof AbDesign>;

export const AbFinding = z.enum(["better", "worse", "no-difference-shown"]).meta({
  id: "AbFinding",
  description: "Of B, after Holm's correction over all comparisons of the run.",
});
export type AbFinding = z.infer<typeof AbFinding>;

const interval = z.tuple([z.number(), z.number()]);

export const AbComparison = z
  .strictObject({
    metric: z.string().describe("Field of Metrics, with the statistic where it has several: `tpotMs.mean`."),
    title: z.string(),
    unit: z.enum(["ms", "1/s", "share"]),
    lowerIsBetter: z.boolean(),
    scale: z.enum(["ratio", "share"]).describe("ratio: differences are B / A − 1; share: they are B − A."),
    pointA: z.string(),
    pointB: z.string(),
    a: z.number().describe("Mean over A's blocks (geometric where the scale is ratio)."),
    b: z.number(),
    differences: z
      .array(z.strictObject({ pair: z.number().int(), difference: z.number() }))
      .describe("Of each pair that has the metric in both blocks."),
    difference: z.number().describe("Their mean (of logarithms where the scale is ratio)."),
    interval: interval.describe("Of the difference, 95 %, by t, of this comparison alone."),
    p: z.number().describe("Two-sided, paired t, of this comparison alone."),
    pHolm: z.number().describe("Corrected over all comparisons of the run; a finding is 0.05 or less."),
    finding: AbFinding,
    smallestSeen: z
      .number()
      .describe(
        "The smallest difference that this run finds in four of five cases: 80 % power, two-sided, at the level that Holm's correction leaves to this comparison.",
      ),
    smallestSeenAlone: z.number().describe("The same, were this the only comparison (level 0.05)."),
    sentence: z.string(),
  })
  .meta({ id: "AbComparison" });
export type AbComparison = z.infer<typeof AbComparison>;

/** Of results.json. */
export const AbResult = z
  .strictObject({
    ...AbDesign.shape,
    alpha: z.number().describe("Chance of any false finding in the whole run."),
    pairsDone: z.number().int().describe("Pairs whose two blocks are whole and measured every point."),
    comparisons: z.array(AbComparison).describe("Empty until every pair is measured."),
    omitted: z.array(z.string()).describe("What is not compared, and why."),
    sentence: z.string().describe("What came out, in words."),
  })
  .meta({
    id: "AbResult",
    description: "Two cells measured in pairs of blocks; the block is the unit of analysis.",
  });
export type AbResult = z.infer<typeof AbResult>;
