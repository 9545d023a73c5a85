import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockRun, processStart } from "../../src/results/run-lock.ts";

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-lock-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await rm(folder, { recursive: true });
});

async function livingProcess(): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume(); console.log('up')"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child as ChildProcess & { pid: number };
}

async function deadProcess(): Promise<number> {
  const child = await livingProcess();
  child.kill("SIGKILL");
  await once(child, "exit");
  return child.pid;
}

function writeLock(
  n: number,
  holder: { pid: number; processStart: string | undefined; host?: string },
): Promise<void> {
  const content = { token: `other-${n}`, host: hostname(), since: "2026-01-01T00:00:00.000Z", ...holder };
  return writeFile(join(folder, `.lock-${n}`), JSON.stringify(content));
}

const locks = async (): Promise<string[]> => (await readdir(folder)).sort();

describe("the lock of a run", () => {
  it("is one process' at a time, and free again after release", async () => {
    const lock = await lockRun(folder);
    await expect(lockRun(folder)).rejects.toMatchObject({
      code: "RUN_IN_USE",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await lock.release();
    await lock.release();
    expect(await locks()).toEqual([]);
    await (await lockRun(folder)).release();
  });

  it("goes to exactly one of many that ask at once", async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(folder)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("goes to exactly one of many that find the same dead lock", async () => {
    await writeLock(1, { pid: await deadProcess(), processStart: "before" });
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(folder)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await locks()).toEqual([".lock-2"]);
  });

  it("of a living process is respected", async () => {
    const { pid } = await livingProcess();
    await writeLock(1, { pid, processStart: processStart(pid) });
    await expect(lockRun(folder)).rejects.toMatchObject({
      code: "RUN_IN_USE",
      hint: expect.stringContaining("Wait"),
    });
    expect(await locks()).toEqual([".lock-1"]);
  });

  it("of a dead process is passed over and removed", async () => {
    await writeLock(3, { pid: await deadProcess(), processStart: "before" });
    const lock = await lockRun(folder);
    expect(await locks()).toEqual([".lock-4"]);
    await lock.release();
  });

  it("of a dead process whose number another has now is passed over", async () => {
    const { pid } = await livingProcess();
    await writeLock(1, { pid, processStart: "some other time" });
    const lock = await lockRun(folder);
    expect(await locks()).toEqual([".lock-2"]);
    await lock.release();
  });

  it("of another machine is respected, and the error says what to delete", async () => {
    await writeLock(1, { pid: 1, processStart: "x", host: "another-machine" });
    await expect(lockRun(folder)).rejects.toMatchObject({
      code: "RUN_IN_USE",
      hint: expect.stringContaining(join(folder, ".lock-1")),
    });
  });

  it("that is being written is respected, one that was never written to the end is not", async () => {
    const path = join(folder, ".lock-1");
    await writeFile(path, '{"token": "abc", "pi');
    await expect(lockRun(folder)).rejects.toMatchObject({ code: "RUN_IN_USE" });
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(path, longAgo, longAgo);
    await (await lockRun(folder)).release();
    expect(await locks()).toEqual([]);
  });

  it("cannot be taken where nothing can be written", async () => {
    await expect(lockRun(join(folder, "missing"))).rejects.toMatchObject({ code: "RUN_FOLDER_UNWRITABLE" });
  });
});

describe("the start of a process", () => {
  it("is the same each time, differs between processes, and is undefined for none", async () => {
    const { pid } = await livingProcess();
    expect(processStart(pid)).toBe(processStart(pid));
    expect(processStart(pid)).not.toBe(processStart(process.pid));
    expect(processStart(await deadProcess())).toBeUndefined();
  });
});
