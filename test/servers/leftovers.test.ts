import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { findLeftovers, removeLeftovers } from "../../src/servers/leftovers.ts";
import { bootId, isAlive, type ProcessEntry, readProcess } from "../../src/servers/process-table.ts";
import { Registry, type RegistryEntry } from "../../src/servers/registry.ts";
import { type Bench, makeBench, untilGone } from "./backend.ts";
import { completes, never } from "./completes.ts";

const owner = fileURLToPath(new URL("owner.ts", import.meta.url));

/** Starts a server from an llmbench of its own and kills that llmbench. The server's process. */
async function orphan({ registryFolder, folder, spec }: Bench): Promise<ProcessEntry> {
  const llmbench = spawn(
    process.execPath,
    ["--import", "tsx", owner, registryFolder, join(folder, "orphan.log"), JSON.stringify(spec())],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(llmbench.stdout, "data")) as [Buffer];
  expect(await findLeftovers({ registryFolder })).toEqual([]); // its llmbench lives
  llmbench.kill("SIGKILL");
  await once(llmbench, "exit");
  const server = readProcess(Number(line.toString()));
  if (server === undefined) throw new Error("the server did not outlive its llmbench");
  onTestFinished(() => {
    if (isAlive(server)) process.kill(server.pid, "SIGKILL");
  });
  return server;
}

/** A process that is not ours, as leader of a group of its own. */
function stranger(): ProcessEntry {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    detached: true,
    stdio: "ignore",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const entry = readProcess(child.pid ?? 0);
  if (entry === undefined) throw new Error("no process");
  return entry;
}

function entryOf(fields: Partial<RegistryEntry>): RegistryEntry {
  return {
    schemaVersion: 1,
    runId: "run-1",
    cellId: "cell-a",
    specHash: "hash-1",
    instance: "i",
    token: "a-token-that-nobody-carries",
    host: hostname(),
    bootId: bootId(),
    process: { pid: 1, started: "never" },
    members: [],
    owner: { pid: 1, started: "never" },
    command: ["server"],
    port: 1,
    logPath: "/dev/null",
    logOffset: 0,
    stopTimeoutSeconds: 5,
    deployedAtMs: 0,
    startedAtMs: 0,
    restarts: 0,
    ...fields,
  };
}

test("what a killed llmbench left behind is found and ended", async () => {
  const bench = makeBench();
  const server = await orphan(bench);
  const { registryFolder } = bench;
  const [leftover, ...others] = await findLeftovers({ registryFolder });
  expect(others).toEqual([]);
  expect(leftover).toMatchObject({ runId: "run-1", cellId: "cell-a", pids: [server.pid] });
  expect(await findLeftovers({ registryFolder, runId: "run-2" })).toEqual([]);
  expect(isAlive(server)).toBe(true);

  expect(await removeLeftovers({ registryFolder })).toEqual([leftover]);
  expect(isAlive(server)).toBe(false);
  expect(readdirSync(registryFolder)).toEqual([]);
  expect(await removeLeftovers({ registryFolder })).toEqual([]);
});

test("a run that goes on takes over the server of its dead predecessor", async () => {
  const bench = makeBench();
  const server = await orphan(bench);
  const { backend, spec, registryFolder } = bench;
  expect(await backend.ensure(spec())).toMatchObject({ pid: server.pid });
  expect(await findLeftovers({ registryFolder })).toEqual([]);
  const { startup } = await backend.waitReady(spec(), completes, never);
  expect(startup.readyMs).toBeGreaterThan(0);
  // Its end is noticed although it is nobody's child here.
  process.kill(server.pid, "SIGKILL");
  await untilGone(server.pid);
  await expect(backend.waitReady(spec(), completes, never)).rejects.toMatchObject({ code: "SERVER_EXITED" });
});

test("a process that has the id of a dead server is left alone", async () => {
  const { registryFolder } = makeBench();
  const other = stranger();
  const registry = new Registry(registryFolder);
  registry.write(entryOf({ process: { pid: other.pid, started: "another time" } }));
  expect(registry.list()).toHaveLength(1);
  expect(await removeLeftovers({ registryFolder })).toEqual([]);
  expect(isAlive(other)).toBe(true);
  expect(registry.list()).toEqual([]);
});

test("a process of another boot is not looked for", async () => {
  const { registryFolder } = makeBench();
  const other = stranger();
  const registry = new Registry(registryFolder);
  registry.write(entryOf({ process: other, bootId: "an earlier boot" }));
  expect(registry.list()).toHaveLength(1);
  expect(await removeLeftovers({ registryFolder })).toEqual([]);
  expect(isAlive(other)).toBe(true);
  expect(registry.list()).toEqual([]);
});

test("the servers of a living llmbench and of another host are not touched", async () => {
  const { backend, registryFolder, spec } = makeBench();
  const other = stranger();
  const registry = new Registry(registryFolder);
  registry.write(entryOf({ process: other, owner: stranger() }));
  registry.write(entryOf({ process: other, host: "another-host", cellId: "cell-b" }));
  expect(await removeLeftovers({ registryFolder })).toEqual([]);
  expect(isAlive(other)).toBe(true);
  expect(readdirSync(registryFolder)).toHaveLength(2);
  await expect(backend.ensure(spec())).rejects.toMatchObject({ code: "SERVER_OWNED_ELSEWHERE" });
  await expect(backend.remove(spec())).rejects.toMatchObject({ code: "SERVER_OWNED_ELSEWHERE" });
});

test("a file in the registry that is not one of ours is skipped", async () => {
  const { backend, registryFolder, spec } = makeBench();
  await backend.ensure(spec());
  writeFileSync(join(registryFolder, "torn.json"), '{"schemaVersion":1,"ru');
  writeFileSync(join(registryFolder, "notes.txt"), "hello");
  expect(await backend.list()).toHaveLength(1);
  expect(await findLeftovers({ registryFolder })).toEqual([]);
});
