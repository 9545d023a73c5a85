import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRun, type RunFolder } from "../../src/results/run-folder.ts";
import type { ServerBackend } from "../../src/servers/server.ts";
import type { StepContext } from "../../src/steps/context.ts";
import finish from "../../steps/finish/run.ts";
import { makeRun } from "../fixtures/make-run.ts";

let base: string;
let run: RunFolder;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "llmbench-finish-"));
  await makeRun(base, { id: "run" });
  run = await openRun("run", base);
});
afterAll(() => rm(base, { recursive: true }));

/** A context whose cells share one back end, in which servers of these cells are left. */
function leaving(
  cells: readonly string[],
  remove: (cell: string) => Promise<void>,
  publish: StepContext["publish"] = () => {},
): StepContext {
  const backend = {
    list: async () => cells.map((cellId) => ({ runId: run.id, cellId })),
    remove: ({ cellId }: { cellId: string }) => remove(cellId),
  } as unknown as ServerBackend;
  const session = () => ({ backend: async () => backend });
  return { plan: run.record.plan, run, session, publish } as unknown as StepContext;
}

describe("the end of a run", () => {
  it("removes each server that is left once, and names it", async () => {
    const removed: string[] = [];
    const output = await finish.run(
      {},
      leaving(["a", "b"], async (cell) => void removed.push(cell)),
    );
    expect(removed).toEqual(["a", "b"]);
    expect(output).toMatchObject({ leftovers: ["a", "b"], results: run.paths.results });
  });

  it("writes results and report, and tries the others, where one cannot be removed; then fails", async () => {
    await rm(run.paths.results);
    await rm(join(run.path, "report"), { recursive: true });
    const removed: string[] = [];
    const published: object[] = [];
    const context = leaving(
      ["a", "b"],
      async (cell) => {
        if (cell === "a") throw new Error("it does not end");
        removed.push(cell);
      },
      (outputs) => published.push(outputs),
    );
    const ended = finish.run({}, context);
    await expect(ended).rejects.toThrow("it does not end");
    expect(removed).toEqual(["b"]);
    expect(published).toEqual([
      { results: run.paths.results, report: join(run.path, "report/index.html"), leftovers: ["a", "b"] },
    ]);
    expect(JSON.parse(await readFile(run.paths.results, "utf8"))).toMatchObject({ run: { id: "run" } });
    expect(await readFile(join(run.path, "report/index.html"), "utf8")).toContain("<html");
  });
});
