import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allowedMs, tpotByBothClocks } from "../../bench/server-clock.ts";
import { openRun } from "../../src/results/run-folder.ts";
import { llmbench } from "../cli/llmbench.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-ab-real-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A real A/B of llama.cpp with so many threads in its two variants. */
async function compare(id: string, threads: readonly [number, number]) {
  const engine = (count: number) =>
    `{ kind: llamacpp, settings: { threads: ${count}, maxConcurrentRequests: 1, contextLength: 512 } }`;
  await writeFile(
    join(folder, `${id}.yaml`),
    `engines: { a: ${engine(threads[0])}, b: ${engine(threads[1])} }
models: { smollm2-135m: { package: smollm2-135m } }
failOn: never
load: { warmup: 1, blocks: [{ name: few, outputTokens: 8, requests: 5 }] }
`,
  );
  const ended = await llmbench(["ab", `${id}.yaml`, "--id", id], { cwd: folder });
  expect(ended).toMatchObject({ status: 0 });
  console.info(ended.stdout);
  const run = await openRun(id, join(folder, "runs"));
  const results = await run.readResults();
  const ab = results.found ? results.value.ab : undefined;
  const tpot = ab?.comparisons.find(({ metric }) => metric === "tpotMs.mean");
  if (ab === undefined || tpot === undefined) throw new Error(`${id} compared nothing`);
  return { run, ab, tpot };
}

test("the same real setting twice differs by no more than chance", async () => {
  const { ab } = await compare("same", [1, 1]);
  expect(ab.pairsDone).toBe(6);
  // By its own level it errs in up to one of twenty runs; a test may not.
  for (const { pHolm } of ab.comparisons) expect(pHolm).toBeGreaterThan(0.001);
});

test("one thread against two differs by as much as the server's own clock says", async () => {
  const { run, ab, tpot } = await compare("threads", [1, 2]);
  const { ours, servers } = await tpotByBothClocks(run, ab, tpot);
  console.info(ours, servers);
  expect(Math.abs(ours.difference - servers.difference)).toBeLessThan(allowedMs(servers));
});
