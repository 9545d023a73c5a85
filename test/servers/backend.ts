import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { ProcessBackend } from "../../src/servers/process.ts";
import { isAlive, readProcess } from "../../src/servers/process-table.ts";
import type { ServerSpec } from "../../src/servers/server.ts";

export const fakeServer = fileURLToPath(new URL("fake-server.mjs", import.meta.url));

export interface Bench {
  readonly folder: string;
  readonly registryFolder: string;
  readonly backend: ProcessBackend;
  /** A spec whose server is the fake one with these further words. */
  readonly spec: (words?: readonly string[], more?: Partial<ServerSpec>) => ServerSpec;
}

/** A backend in a folder of its own; what it started is killed and the folder removed when the test ends. */
export function makeBench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), "llmbench-servers-"));
  const registryFolder = join(folder, "registry");
  const backend = new ProcessBackend({
    logPath: ({ cellId }) => join(folder, `${cellId}.log`),
    registryFolder,
  });
  onTestFinished(() => {
    backend.killAllNow();
    rmSync(folder, { recursive: true, force: true });
  });
  const spec: Bench["spec"] = (words = [], more = {}) => ({
    runId: "run-1",
    cellId: "cell-a",
    command: [process.execPath, fakeServer, "--port", "{port}", ...words],
    env: {},
    secretEnv: [],
    readiness: { path: "/health", timeoutSeconds: 5 },
    startTimeoutSeconds: 20,
    stopTimeoutSeconds: 10,
    specHash: "hash-1",
    simulated: true,
    ...more,
  });
  return { folder, registryFolder, backend, spec };
}

/** Resolves when a process is gone. */
export async function untilGone(pid: number): Promise<void> {
  const identity = { pid, started: readProcess(pid)?.started ?? "already gone" };
  while (isAlive(identity)) await sleep(10);
}
