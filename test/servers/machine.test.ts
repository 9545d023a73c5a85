import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cacheFolder, registryFolder } from "../../src/servers/cache-folder.ts";
import { coresFor, describeHardware, hardwareName, parseNvidiaSmi } from "../../src/servers/hardware.ts";
import { readLastLines } from "../../src/servers/log-tail.ts";
import { findFreePort, isListening, ownerOfPort } from "../../src/servers/ports.ts";
import { listProcesses, readProcess } from "../../src/servers/process-table.ts";
import type { ServerSpec } from "../../src/servers/server.ts";
import { specHash } from "../../src/servers/spec-hash.ts";
import { StandingBackend } from "../../src/servers/standing.ts";
import { never } from "./completes.ts";

test("this machine's hardware has a name, cores and memory", async () => {
  const hardware = await describeHardware();
  expect(hardware.name).not.toBe("");
  expect(hardware.cpu?.cores).toBeGreaterThanOrEqual(1);
  expect(hardware.memoryBytes).toBeGreaterThan(2 ** 28);
  expect(Number.isSafeInteger(hardware.memoryBytes)).toBe(true);
});

test("a machine is named by what does the work", () => {
  expect(hardwareName("Intel(R) Xeon(R) Platinum 8358 CPU @ 2.60GHz", 2, [])).toBe(
    "Intel Xeon Platinum 8358, 2 cores",
  );
  expect(hardwareName("AMD EPYC 7763 64-Core Processor", 1, [])).toBe("AMD EPYC 7763, 1 core");
  expect(hardwareName("Apple M2", 8, [])).toBe("Apple M2, 8 cores");
  const gpus = parseNvidiaSmi("NVIDIA A10, 23028, 550.54.15\nNVIDIA A10, 23028, 550.54.15\n");
  const a10 = { name: "NVIDIA A10", memoryMiB: 23028, driver: "550.54.15" };
  expect(gpus).toEqual([a10, a10]);
  expect(hardwareName("AMD EPYC", 64, gpus)).toBe("NVIDIA A10 x2");
  expect(parseNvidiaSmi("Tesla T4, [N/A], 470.1\n")).toEqual([{ name: "NVIDIA Tesla T4", driver: "470.1" }]);
});

test("a quota of the container counts, in whole cores", () => {
  expect([coresFor(8, undefined), coresFor(8, 2.5), coresFor(2, 4), coresFor(8, 0.5)]).toEqual([8, 2, 2, 1]);
});

test("the cache folder is where the user or the system says", () => {
  expect(cacheFolder({ LLMBENCH_CACHE: "/c", XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/c");
  expect(cacheFolder({ XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/x/llmbench");
  expect(cacheFolder({ HOME: "/h" })).toMatch(/^\/h\/(\.cache|Library\/Caches)\/llmbench$/);
  expect(registryFolder({ LLMBENCH_CACHE: "/c" })).toBe("/c/servers");
});

test("the process table has us, and our parent", () => {
  const self = readProcess(process.pid);
  expect(self).toMatchObject({ pid: process.pid, parent: process.ppid });
  expect(listProcesses()).toContainEqual(self);
  expect(readProcess(2 ** 22 + 1)).toBeUndefined();
});

test("the owner of a port is told from a stranger", async () => {
  const port = await findFreePort();
  expect(await isListening(port, 100)).toBe(false);
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const taken = (server.address() as AddressInfo).port;
  expect(await isListening(taken, 1000)).toBe(true);
  const self = readProcess(process.pid);
  expect(ownerOfPort(taken, self === undefined ? [] : [self])).toBe("ours");
  expect(ownerOfPort(taken, [])).toBe("foreign");
  expect(ownerOfPort(port, [])).toBe("unknown");
});

test("the last lines of a log come without colours and progress bars", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  writeFileSync(path, "first\n\u001b[31mred\u001b[0m\r\n\n 10%\r 90%\r100% done\nlast");
  expect(readLastLines(path, 3)).toEqual(["red", "100% done", "last"]);
  expect(readLastLines(path, 9, "first\n".length)).toEqual(["red", "100% done", "last"]);
  writeFileSync(path, `${"x".repeat(300_000)}\nend\n`);
  expect(readLastLines(path, 1)).toEqual(["end"]);
  expect(readLastLines(join(folder, "none"), 5)).toEqual([]);
});

test("a spec's hash changes with what is measured and with nothing else", () => {
  const parts = {
    command: ["llama-server", "-m", "x", "--port", "{port}"],
    env: { A: "1", HF_TOKEN: "one", PATH: "/a" },
    secretEnv: ["HF_TOKEN"],
    hardware: "AMD EPYC, 2 cores",
    engineVersion: "1",
    modelHash: "m",
  };
  const hash = specHash(parts);
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  expect(specHash({ ...parts, env: { PATH: "/b", HF_TOKEN: "two", A: "1" } })).toBe(hash);
  for (const change of [
    { command: ["llama-server"] },
    { env: { ...parts.env, A: "2" } },
    { env: { A: "1" } },
    { hardware: "other" },
    { engineVersion: "2" },
    { modelHash: "n" },
    { checkout: "abc" },
    { cwd: "/x" },
    { imageDigest: "sha256:1" },
    { resources: { gpus: 1 } },
  ]) {
    expect(specHash({ ...parts, ...change })).not.toBe(hash);
  }
});

test("a standing server is looked at and left as it is", async () => {
  const spec = { simulated: false } as ServerSpec;
  const get = async () => ({ status: 404, headers: {} });
  const backend = new StandingBackend({ url: "http://127.0.0.1:9", get });
  const asked: string[] = [];
  const { server, startup } = await backend.waitReady(spec, async ({ url }) => void asked.push(url), never);
  expect(server).toEqual({ instance: "http://127.0.0.1:9", url: "http://127.0.0.1:9" });
  expect(asked).toEqual(["http://127.0.0.1:9"]);
  expect(Object.values(startup)).toEqual([null, null, null, null, null, null]);
  expect(await backend.inspect()).toMatchObject({ running: true });
  await backend.remove();
  expect(await backend.list()).toEqual([]);
});

test("one run never mixes numbers of a simulator with those of a real server", async () => {
  const answering = (headers: Record<string, string>) =>
    new StandingBackend({ url: "http://127.0.0.1:9", get: async () => ({ status: 200, headers }) });
  const simulator = answering({ "x-llmbench-simulated": "1" });
  const real = answering({ server: "uvicorn" });
  const spec = (simulated: boolean) => ({ simulated, runId: "r" }) as ServerSpec;
  await expect(simulator.ensure(spec(true))).resolves.toMatchObject({ url: "http://127.0.0.1:9" });
  await expect(simulator.ensure(spec(false))).rejects.toMatchObject({
    code: "SERVER_CHANGED",
    message: "http://127.0.0.1:9 is a simulator now; run r began with a real server.",
  });
  await expect(real.ensure(spec(true))).rejects.toMatchObject({
    code: "SERVER_CHANGED",
    message: "http://127.0.0.1:9 is no simulator now; run r began with a simulator.",
  });
});

test("a standing server that is not there is said to be", async () => {
  const get = async () => {
    throw new Error("connect ECONNREFUSED 127.0.0.1:9");
  };
  const backend = new StandingBackend({ url: "http://127.0.0.1:9", get });
  await expect(backend.ensure({} as ServerSpec)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
  expect(await backend.inspect()).toMatchObject({
    running: false,
    reason: expect.stringContaining("ECONNREFUSED"),
  });
});
