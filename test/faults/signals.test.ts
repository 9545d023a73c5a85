import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectResumable, expectTidy, Playground } from "./playground.ts";

/** What stops llmbench itself while it measures. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

/** The second point never ends by itself. */
function configureEndless(): void {
  here.configure();
  here.behave({ rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }] });
}

test("SIGTERM: what is in flight is cancelled, the server taken down, the report written", async () => {
  configureEndless();
  const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
  await llmbench.says(/a-c1-out4 #1: /);
  llmbench.process.kill("SIGTERM");
  const { status, stderr, stdout } = await llmbench.ended;
  expect(status).toBe(130);
  expect(stderr).toContain("SIGTERM: stopping in order; once more stops at once\n");
  expect(stderr).toMatch(
    /^error: stopped before the end\nwhat to do: what was measured is kept; .*llmbench run --resume runs\/r\n\(INTERRUPTED\)\n/m,
  );
  expect(stdout).toMatch(/concurrency 1, 4 tokens out[^]*Report: .*runs\/r\/report\/index\.html\n$/);
  expect(readFileSync(join(here.folder, "runs/r/report/index.html"), "utf8")).toContain("</html>");
  expectTidy(here);
  await expectResumable(here, { status: "interrupted", again: ["a-c1-out8"] });
});

test("Ctrl-C twice: at once, although the server will not stop", async () => {
  here.configure({ engine: { stopTimeout: "10m" } });
  here.behave({
    process: { ignoreSigterm: true },
    rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }],
  });
  const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
  await llmbench.says(/a-c1-out4 #1: /);
  llmbench.process.kill("SIGINT");
  await llmbench.says(/: teardown/);
  llmbench.process.kill("SIGINT");
  expect((await llmbench.ended).status).toBe(130);
  expectTidy(here);
  await expectResumable(here, { status: "incomplete", again: ["a-c1-out8"] });
});
