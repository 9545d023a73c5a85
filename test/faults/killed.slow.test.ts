import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { isAlive, readProcess } from "../../src/servers/process-table.ts";
import { expectResumable, expectTidy, killInTheMiddle, Playground } from "./playground.ts";

/** More of what a killed llmbench leaves, and of two at once: see killed.test.ts. */

let here: Playground;
beforeEach(async () => {
  here = await Playground.make();
});
afterEach(() => here.remove());

/** A process that is not ours, leader of a group of its own. */
function startStranger(): ChildProcess {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    detached: true,
    stdio: "ignore",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test("after SIGKILL, the next start ends the server and says so", async () => {
  await killInTheMiddle(here);
  const resumed = await expectResumable(here, { status: "incomplete" });
  expect(resumed.stderr).toMatch(/^ended the server of faulty--tiny that run r left\n/m);
});

test("a foreign process that has the id of the killed server by now is left alone", async () => {
  const pid = await killInTheMiddle(here);
  const [left] = here.registered();
  if (left === undefined) throw new Error("no server is written down");
  process.kill(pid, "SIGKILL");
  const stranger = startStranger();
  const identity = readProcess(stranger.pid ?? 0);
  if (identity === undefined) throw new Error("the stranger did not start");
  // As if the system had given the dead server's id to the stranger: same id, another time of start.
  const { entry, path } = left;
  const reused = { ...entry, process: { ...entry.process, pid: identity.pid }, members: [] };
  writeFileSync(path, JSON.stringify(reused));
  expect((await here.llmbench("clean")).stdout).toBe("nothing is left of earlier runs\n");
  expect(isAlive(identity)).toBe(true);
  expectTidy(here);
  writeFileSync(path, JSON.stringify(reused));
  await expectResumable(here, { status: "incomplete" });
  expect(isAlive(identity)).toBe(true);
  stranger.kill("SIGKILL");
  await once(stranger, "exit");
});

test("what a killed resumption measured is shown, although the results of the first try are there", async () => {
  here.configure({ engine: { stopTimeout: "10m" } });
  here.behave({ rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }] });
  const first = here.start(["run", "config.yaml", "--id", "r"]);
  await first.says(/a-c1-out4 #1: /);
  first.process.kill("SIGTERM");
  expect((await first.ended).status).toBe(130);
  expect((await here.llmbench("show", "r")).stdout).toMatch(/^r · interrupted/);

  here.behave({ process: { ignoreSigterm: true } });
  const second = here.start(["run", "--resume", "r"]);
  await second.says(/: teardown/);
  second.process.kill("SIGKILL");
  await second.ended;
  const { stdout } = await here.llmbench("show", "r");
  expect(stdout).toMatch(/^r · incomplete/);
  expect(stdout).toContain("8 tokens out");
  expect(stdout).not.toContain(" 0/2 ");
  for (const pid of here.processes()) process.kill(pid, "SIGKILL");
  await expectResumable(here, { status: "incomplete" });
});

test("two runs at once keep to their own servers", async () => {
  here.configure();
  const ids = ["one", "two"];
  const runs = await Promise.all(ids.map((id) => here.llmbench("run", "config.yaml", "--id", id)));
  expect(runs.map(({ status }) => status)).toEqual([0, 0]);
  for (const id of ids) expect(Object.keys(here.measured(id))).toHaveLength(2);
  expectTidy(here);
});
