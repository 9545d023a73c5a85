import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { completesIn, kubectl, makeBackend, makeSpec, onNode, serversMissing } from "./servers.ts";

/** Where the parts of a cluster on this machine say which process they are. */
const state = process.env["LLMBENCH_CLUSTER_STATE"];
const missing =
  serversMissing() ??
  (state === undefined ? "LLMBENCH_CLUSTER_STATE names no cluster on this machine" : undefined);
if (missing !== undefined) process.stderr.write(`cluster tests of what goes away are skipped: ${missing}\n`);

const namespace = "llmbench-away-test";
const backend = makeBackend(namespace);
const never = new AbortController().signal;

function signalPart(part: string, signal: NodeJS.Signals): void {
  process.kill(Number(readFileSync(join(state ?? "", `${part}.pid`), "utf8")), signal);
}

/** A server that loads for this long, anywhere on a node with GPUs. */
function slowSpec(cellId: string, loadMs: number) {
  const profile = {
    loadMs,
    prefillMs: 1,
    prefillMsPerToken: 0,
    decodeMs: 1,
    decodeMsPerSequence: 0,
    maxBatch: 8,
    jitter: 0,
  };
  const words = ["simulate", "--dialect", "vllm", "--host", "{host}", "--port", "{port}"];
  return makeSpec(cellId, {
    startTimeoutSeconds: 200,
    container: { pool: onNode("gpu-2"), args: [...words, "--profile", JSON.stringify(profile)] },
  });
}

describe.skipIf(missing !== undefined)("what goes away while a server starts", () => {
  beforeAll(() => {
    kubectl(`delete namespace ${namespace} --ignore-not-found --wait`);
    kubectl(`create namespace ${namespace}`);
  });

  afterAll(() => {
    kubectl(`delete namespace ${namespace} --wait=false`);
  });

  test("an API server that does not answer for 60 s is waited for", async () => {
    const spec = slowSpec("patient", 20_000);
    await backend.ensure(spec);
    const waiting = backend.waitReady(spec, completesIn(namespace, spec), never);
    const begun = performance.now();
    signalPart("apiserver", "SIGSTOP");
    // A call of another kind in the same time.
    const inspecting = backend.inspect(spec);
    try {
      await sleep(60_000);
    } finally {
      signalPart("apiserver", "SIGCONT");
    }
    const [{ server }, inspected] = await Promise.all([waiting, inspecting]);
    process.stderr.write(
      `ready ${((performance.now() - begun) / 1000).toFixed(1)} s after the API server was stopped\n`,
    );
    expect(inspected.instance).toBe(server.instance);
    await backend.remove(spec);
  });

  test("a node that is lost is told within 90 s, and its pod does not hold the teardown", async () => {
    const spec = slowSpec("lost", 600_000);
    await backend.ensure(spec);
    const waiting = backend
      .waitReady(spec, completesIn(namespace, spec), never)
      .catch((error: unknown) => error);
    await expect.poll(async () => (await backend.inspect(spec)).running, { timeout: 30_000 }).toBe(true);
    const begun = performance.now();
    signalPart("kubelet-gpu-2", "SIGSTOP");
    try {
      expect(await waiting).toMatchObject({
        code: "SERVER_NODE_LOST",
        message: expect.stringContaining("gpu-2"),
      });
      const told = (performance.now() - begun) / 1000;
      expect(await backend.inspect(spec)).toMatchObject({ running: false });
      await backend.remove(spec);
      const removed = (performance.now() - begun) / 1000;
      process.stderr.write(
        `lost node told after ${told.toFixed(1)} s, removed after ${removed.toFixed(1)} s\n`,
      );
      expect(told).toBeLessThan(90);
    } finally {
      signalPart("kubelet-gpu-2", "SIGCONT");
    }
  });
});
