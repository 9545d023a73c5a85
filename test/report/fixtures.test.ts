import { expect, it } from "vitest";
import { Results } from "../../src/results/schema/results.ts";
import { ALL_RUNS } from "./all-runs.ts";

it.each(ALL_RUNS)("%s is what the schema of results.json describes", (_, make) => {
  expect(Results.safeParse(make()).error?.issues ?? []).toEqual([]);
});
