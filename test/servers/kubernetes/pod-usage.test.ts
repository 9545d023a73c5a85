import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askUsage, usageCommand } from "../../../src/servers/kubernetes/pod-usage.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-usage-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** As the files of a control group are in a container. */
async function group(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** The very command, beside this process in place of a container. */
function start() {
  let tell: (status: number | null) => void = () => {};
  const ended = new Promise<number | null>((resolve) => (tell = resolve));
  const look = askUsage(async ({ stdin, stdout }) => {
    const [program = "", ...args] = usageCommand(folder);
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    stdin.pipe(child.stdin);
    child.stdout.pipe(stdout, { end: false });
    const [status] = (await once(child, "exit")) as [number | null];
    tell(status);
  });
  return { look, ended };
}

const version2 = (microseconds: number, bytes: number) => ({
  "cpu.stat": `usage_usec ${microseconds}\nuser_usec 5\nsystem_usec 5\nnr_periods 0\n`,
  "memory.current": `${bytes}\n`,
  "memory.stat": "anon 4096\nfile 8192\ninactive_anon 1\nactive_file 4096\ninactive_file 4096\n",
});

describe("What a server's container has taken", () => {
  it("is read from its control group again and again, and the command ends with its input", async () => {
    await group(version2(2_500_000, 104_096));
    const { look, ended } = start();
    const { read, unread, close } = await look;
    expect(unread).toBeUndefined();
    expect(await read?.()).toEqual({ cpuSeconds: 2.5, memoryBytes: 100_000 });
    await group(version2(4_000_000, 204_096));
    expect(await read?.()).toEqual({ cpuSeconds: 4, memoryBytes: 200_000 });
    close();
    expect(await ended).toBe(0);
    expect(await read?.()).toBeUndefined();
  });

  it("is read from a control group of version 1 too", async () => {
    await group({
      "cpuacct/cpuacct.usage": "3000000000\n",
      "memory/memory.usage_in_bytes": "50000\n",
      "memory/memory.stat": "cache 1\ninactive_file 7\ntotal_cache 1\ntotal_inactive_file 10000\n",
    });
    const { look } = start();
    const { read, close } = await look;
    expect(await read?.()).toEqual({ cpuSeconds: 3, memoryBytes: 40_000 });
    close();
  });

  it("is not looked at where the container shows no control group, and it says so", async () => {
    const { look } = start();
    expect(await look).toMatchObject({ unread: "the server's container does not show its control group" });
  });

  it("is not looked at where no command can be run there, and it says why", async () => {
    const look = await askUsage(() => Promise.reject(new Error("Unexpected server response: 403")));
    expect(look).toMatchObject({ unread: "Unexpected server response: 403" });
    expect(look.read).toBeUndefined();
  });

  it("is not taken for another time's where an answer comes in parts", async () => {
    const text = "usage_usec 1000000\nbytes 10\n.\n";
    const { read, close } = await askUsage(async ({ stdin, stdout, signal }) => {
      stdin.on("data", () => {
        for (const part of [text.slice(0, 7), text.slice(7)]) stdout.write(Buffer.from(part));
      });
      await once(signal, "abort");
    });
    expect(await read?.()).toEqual({ cpuSeconds: 1, memoryBytes: 10 });
    expect(await read?.()).toEqual({ cpuSeconds: 1, memoryBytes: 10 });
    close();
  });
});
