import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { isAlive, readProcess } from "../../src/servers/process-table.ts";
import { makeBundle, Playground } from "./playground.ts";

/** llmbench itself is killed, and what others find of it. */

let bundle: Awaited<ReturnType<typeof makeBundle>>;
let here: Playground;
beforeAll(async () => {
  bundle = await makeBundle();
});
afterAll(() => bundle.remove());
beforeEach(() => {
  here = new Playground(bundle.path);
});
afterEach(() => here.remove());

/** An llmbench killed in the middle of the second point; its server lives on. */
async function killInTheMiddle(): Promise<number> {
  here.configure();
  here.behave({ rules: [{ when: { from: 4 }, effects: { hang: { afterChunk: 2 } } }] });
  const llmbench = here.start(["run", "config.yaml", "--id", "r"]);
  await llmbench.says(/a-c1-out4 #1: /);
  llmbench.process.kill("SIGKILL");
  expect((await llmbench.ended).status).toBe("SIGKILL");
  const [left, ...others] = here.registered();
  expect(others).toEqual([]);
  const pid = left?.entry.process.pid ?? 0;
  expect(here.processes()).toEqual([pid]);
  return pid;
}

/** A process that is not ours, leader of a group of its own. */
function startStranger(): ChildProcess {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    detached: true,
    stdio: "ignore",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test("after SIGKILL, clean ends the server, once; what was measured is kept", async () => {
  const pid = await killInTheMiddle();
  const dry = await here.llmbench("clean", "--dry-run");
  expect(dry.stdout).toBe(`would end the server of faulty--tiny, run r (process ${pid})\n`);
  expect(here.processes()).toEqual([pid]);
  const clean = await here.llmbench("clean");
  expect(clean).toMatchObject({
    status: 0,
    stdout: `ended the server of faulty--tiny, run r (process ${pid})\n`,
    stderr: "",
  });
  here.expectTidy();
  expect((await here.llmbench("clean")).stdout).toBe("nothing is left of earlier runs\n");
  expect(Object.keys(here.measured())).toEqual(["a-c1-out4"]);
  await here.expectResumable({ status: "incomplete" });
});

test("after SIGKILL, the next start ends the server and says so", async () => {
  await killInTheMiddle();
  const resumed = await here.expectResumable({ status: "incomplete" });
  expect(resumed.stderr).toMatch(/^ended the server of faulty--tiny that run r left\n/m);
});

test("a foreign process that has the id of the killed server by now is left alone", async () => {
  const pid = await killInTheMiddle();
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
  here.expectTidy();
  writeFileSync(path, JSON.stringify(reused));
  await here.expectResumable({ status: "incomplete" });
  expect(isAlive(identity)).toBe(true);
  stranger.kill("SIGKILL");
  await once(stranger, "exit");
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
  here.expectTidy();
});

test("two runs at once keep to their own servers", async () => {
  here.configure();
  const ids = ["one", "two"];
  const runs = await Promise.all(ids.map((id) => here.llmbench("run", "config.yaml", "--id", id)));
  expect(runs.map(({ status }) => status)).toEqual([0, 0]);
  for (const id of ids) expect(Object.keys(here.measured(id))).toHaveLength(2);
  here.expectTidy();
});
