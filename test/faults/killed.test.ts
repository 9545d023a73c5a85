import { afterEach, beforeEach, expect, test } from "vitest";
import { expectResumable, expectTidy, killInTheMiddle, Playground } from "./playground.ts";

/** llmbench itself is killed, and what others find of it. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

test("after SIGKILL, clean ends the server, once; what was measured is kept", async () => {
  const pid = await killInTheMiddle(here);
  const dry = await here.llmbench("clean", "--dry-run");
  expect(dry.stdout).toBe(`would end the server of faulty--tiny, run r (process ${pid})\n`);
  expect(here.processes()).toEqual([pid]);
  const clean = await here.llmbench("clean");
  expect(clean).toMatchObject({
    status: 0,
    stdout: `ended the server of faulty--tiny, run r (process ${pid})\n`,
    stderr: "",
  });
  expectTidy(here);
  expect((await here.llmbench("clean")).stdout).toBe("nothing is left of earlier runs\n");
  expect(Object.keys(here.measured())).toEqual(["a-c1-out4"]);
  await expectResumable(here, { status: "incomplete" });
  // Nothing is left to do: no server starts.
  const again = await here.llmbench("run", "--resume", "r");
  expect(again).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("everything of it was measured before") as string,
  });
  expect(again.stderr).not.toContain("deploy");
});

test("two at once: the second is told who writes to the run, and the first goes on undisturbed", async () => {
  here.configure();
  here.behave({ rules: [{ when: { from: 4 }, effects: { slowHeadersMs: 1500 } }] });
  const first = here.start(["run", "config.yaml", "--id", "r"]);
  await first.says(/a-c1-out4 #1: /);
  const [second, third, list, clean] = await Promise.all([
    here.llmbench("run", "--resume", "r"),
    here.llmbench("run", "config.yaml", "--id", "r"),
    here.llmbench("list"),
    here.llmbench("clean"),
  ]);
  expect(second).toMatchObject({ status: 1 });
  expect(second.stderr).toMatch(
    new RegExp(
      `^error: Another llmbench writes to .*/runs/r: process ${first.process.pid} on .*\\nwhat to do: .*\\n\\(RUN_IN_USE\\)\\n$`,
    ),
  );
  expect(third).toMatchObject({ status: 1 });
  expect(third.stderr).toMatch(/\(RUN_EXISTS\)\n$/);
  expect(list.stdout).toMatch(/^r .* running /m);
  expect(clean.stdout).toBe("nothing is left of earlier runs\n");
  expect((await first.ended).status).toBe(0);
  expect(Object.keys(here.measured())).toHaveLength(2);
  expectTidy(here);
});
