import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { KubernetesBackendOptions } from "../../../src/servers/kubernetes/kubernetes.ts";
import { KubernetesBackend } from "../../../src/servers/kubernetes/kubernetes.ts";
import { serverName } from "../../../src/servers/kubernetes/names.ts";
import type { Pod } from "../../../src/servers/kubernetes/objects.ts";
import type { RunningServer } from "../../../src/servers/server.ts";
import { answer, type FakeApiServer, type Stored, startFake } from "./fake-api-server.ts";
import { waiting } from "./pods.ts";
import { makeSpec } from "./spec.ts";

const base = "/api/v1/namespaces/bench";
const pods = `${base}/pods`;
const deployments = "/apis/apps/v1/namespaces/bench/deployments";
const never = new AbortController().signal;
const digest = `sha256:${"a".repeat(64)}`;

/** What a cluster would do with a Deployment: a pod of its template, and none once it is gone. */
function playCluster(
  server: FakeApiServer,
  status: () => object,
): { makePod: (deployment: Stored) => string } {
  let made = 0;
  const makePod = (deployment: Stored): string => {
    const { template } = deployment["spec"] as { template: Pod };
    const path = `${pods}/${deployment.metadata.name}-${++made}`;
    server.put(path, {
      metadata: {
        labels: template.metadata?.labels,
        annotations: template.metadata?.annotations,
      } as Stored["metadata"],
      spec: { ...template.spec, nodeName: "gpu-1" },
      status: { podIP: "127.0.0.1", conditions: [{ type: "PodScheduled", status: "True" }], ...status() },
    });
    return path;
  };
  server.react = ({ type, path, object }) => {
    if (!path.startsWith(deployments)) return;
    if (type === "ADDED") makePod(object);
    if (type === "DELETED")
      for (let n = 1; n <= made; n++) server.take(`${pods}/${object.metadata.name}-${n}`);
  };
  server.put("/api/v1/nodes/gpu-1", { status: { conditions: [{ type: "Ready", status: "True" }] } });
  return { makePod };
}

function containerRuns(more: object = {}): object {
  const state = { running: { startedAt: new Date().toISOString() } };
  return {
    phase: "Running",
    containerStatuses: [
      { name: "server", restartCount: 0, imageID: `docker.io/vllm@${digest}`, state, ...more },
    ],
  };
}

/** The engine of a pod whose address is this machine. */
async function startEngine(): Promise<number> {
  const engine = createServer((_request, response) => response.end("{}"));
  await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void engine.close());
  return (engine.address() as AddressInfo).port;
}

async function startBackend(status: () => object, options: Partial<KubernetesBackendOptions> = {}) {
  const { server, client } = await startFake();
  const spec = makeSpec({}, { port: await startEngine() });
  const cluster = playCluster(server, status);
  const backend = new KubernetesBackend({
    client: async () => client,
    namespace: "bench",
    serversPerNode: 1,
    ...options,
  });
  return { server, spec, backend, ...cluster, deployment: `${deployments}/${serverName(spec)}` };
}

const completes = async (_server: RunningServer): Promise<void> => {};

test("a server is applied, waited for, looked at and removed", async () => {
  const { server, spec, backend, deployment } = await startBackend(containerRuns);
  const running = await backend.ensure(spec);
  expect(running.url).toMatch(/^http:\/\/vllm-llama-3-8b-[0-9a-f]{16}\.bench\.svc:\d+$/);
  expect(await backend.ensure(spec)).toEqual(running);
  const asked: string[] = [];
  const { server: ready } = await backend.waitReady(
    spec,
    async ({ url }) => {
      asked.push(url);
    },
    never,
  );
  expect(ready).toEqual(running);
  expect(asked).toEqual([running.url]);
  expect(await backend.inspect(spec)).toEqual({
    running: true,
    instance: running.instance,
    restarts: 0,
    node: "gpu-1",
    imageDigest: digest,
  });
  expect(await backend.list()).toMatchObject([{ runId: spec.runId, cellId: spec.cellId }]);
  expect(await backend.list("another")).toEqual([]);
  await backend.remove(spec);
  expect(server.object(deployment)).toBeUndefined();
  expect(server.object(`${base}/services/${serverName(spec)}`)).toBeUndefined();
  expect(await backend.inspect(spec)).toMatchObject({ running: false });
});

test("another spec's server is gone before the new one is made", async () => {
  const { server, spec, backend, deployment } = await startBackend(containerRuns);
  const first = await backend.ensure(spec);
  const second = await backend.ensure({ ...spec, specHash: "another" });
  expect(second.instance).not.toBe(first.instance);
  const changes = server.requests.filter((request) => /^(PATCH|DELETE) .*deployments/.test(request));
  expect(changes.map((request) => request.split(" ")[0])).toEqual(["PATCH", "DELETE", "PATCH"]);
  expect(server.object(deployment)?.metadata.annotations).toMatchObject({
    "llmbench.dev/spec-hash": "another",
  });
});

test("a process that was started again is another instance", async () => {
  let restartCount = 0;
  const { server, spec, backend, makePod, deployment } = await startBackend(() =>
    containerRuns({ restartCount }),
  );
  const first = await backend.ensure(spec);
  restartCount = 1;
  server.take(`${pods}/${serverName(spec)}-1`);
  makePod(server.object(deployment) as Stored);
  const state = await backend.inspect(spec);
  expect(state.restarts).toBe(1);
  expect(state.instance).toMatch(/\+1$/);
  expect(state.instance).not.toBe(first.instance);
});

test("where another pod has the place of the one that was asked, what took that one away is said", async () => {
  const { server, spec, backend, makePod, deployment } = await startBackend(containerRuns);
  const { instance } = await backend.ensure(spec);
  const known = { instance, node: "gpu-1" };
  expect(await backend.inspect(spec, known)).toMatchObject({ running: true, instance });
  const path = `${pods}/${serverName(spec)}-1`;
  const evicted = { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" };
  const old = server.object(path) as Stored;
  const deletionTimestamp = new Date().toISOString();
  server.put(path, {
    ...old,
    metadata: { ...old.metadata, deletionTimestamp },
    status: { ...containerRuns(), conditions: [evicted] },
  });
  const made = makePod(server.object(deployment) as Stored);
  const next = server.object(made) as Stored;
  server.put(made, { ...next, spec: { ...(next["spec"] as object), nodeName: undefined }, status: {} });
  expect(await backend.inspect(spec, known)).toMatchObject({
    running: false,
    reason: "its pod on gpu-1 was evicted",
    hint: expect.stringContaining("kubectl get events -n bench"),
  });
  server.put("/api/v1/nodes/gpu-1", {
    spec: { unschedulable: true },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
  server.take(path);
  expect(await backend.inspect(spec, known)).toMatchObject({
    running: false,
    reason: "its pod on gpu-1 was taken away: the node takes no new pods, as one that is drained",
    hint: expect.stringContaining("kubectl uncordon gpu-1"),
  });
  server.take(made);
  expect(await backend.inspect(spec, known)).toMatchObject({ reason: "it has no pod" });
  server.take(deployment);
  expect(await backend.inspect(spec, known)).toMatchObject({ reason: "its Deployment was deleted" });
});

test("an image that cannot be had ends the wait at once", async () => {
  const { spec, backend } = await startBackend(() => ({
    containerStatuses: [
      { name: "server", image: "vllm:9", restartCount: 0, ...waiting("ErrImagePull", "manifest unknown") },
    ],
  }));
  await backend.ensure(spec);
  await expect(backend.waitReady(spec, completes, never)).rejects.toMatchObject({
    code: "SERVER_IMAGE_UNAVAILABLE",
    message: "vllm--llama-3-8b: the image vllm:9 cannot be had (ErrImagePull): manifest unknown.",
  });
});

test("a crash comes with the last lines of its log", async () => {
  const { server, spec, backend } = await startBackend(() => ({
    containerStatuses: [
      { name: "server", restartCount: 0, state: { terminated: { exitCode: 1, reason: "Error" } } },
    ],
  }));
  server.intercept = (_request, response, url) => {
    if (!url.pathname.endsWith("/log")) return false;
    response.end("loading\n\u001b[31mCUDA out of memory\u001b[0m\n");
    return true;
  };
  await backend.ensure(spec);
  await expect(backend.waitReady(spec, completes, never)).rejects.toMatchObject({
    code: "SERVER_EXITED",
    details: ["loading", "CUDA out of memory"],
    hint: expect.stringContaining("contextLength"),
  });
  expect((await backend.inspect(spec)).reason).toBe(
    "the server exited with status 1\nloading\nCUDA out of memory",
  );
});

test("a pod that takes the place of another while it is waited for is the server", async () => {
  let status: object = {
    containerStatuses: [{ name: "server", restartCount: 0, ...waiting("ContainerCreating") }],
  };
  const { server, spec, backend, makePod, deployment } = await startBackend(() => status);
  const first = await backend.ensure(spec);
  const waited = backend.waitReady(spec, completes, never);
  await expect.poll(() => server.watching(pods), { interval: 5, timeout: 5000 }).toBe(1);
  status = containerRuns();
  server.take(`${pods}/${serverName(spec)}-1`);
  makePod(server.object(deployment) as Stored);
  expect((await waited).server.instance).not.toBe(first.instance);
});

test("an API server that goes away in the midst of the wait is waited for", async () => {
  let status: object = {
    containerStatuses: [{ name: "server", restartCount: 0, ...waiting("ContainerCreating") }],
  };
  const { server, spec, backend } = await startBackend(() => status);
  const { instance } = await backend.ensure(spec);
  const waited = backend.waitReady(spec, completes, never);
  await expect.poll(() => server.watching(pods), { interval: 5, timeout: 5000 }).toBe(1);
  await server.close();
  status = containerRuns();
  const path = `${pods}/${serverName(spec)}-1`;
  const before = server.object(path) as Stored;
  server.put(path, { ...before, status: { ...(before["status"] as object), ...status } });
  await server.listen();
  expect((await waited).server.instance).toBe(instance);
});

test("waiting for a turn has a limit of its own, and says what for", async () => {
  const message = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.";
  const { server, spec, backend } = await startBackend(
    () => ({ conditions: [{ type: "PodScheduled", status: "False", message }] }),
    { turnTimeoutSeconds: 0.3 },
  );
  const react = server.react;
  server.react = (change) => {
    react(change);
    const { object, path } = change;
    const spec = object["spec"] as { nodeName?: string } | undefined;
    if (path.startsWith(pods) && spec?.nodeName !== undefined)
      server.put(path, { ...object, spec: { ...spec, nodeName: undefined } });
  };
  await backend.ensure(spec);
  await expect(backend.waitReady(spec, completes, never)).rejects.toMatchObject({
    code: "SERVER_NO_TURN",
    message: expect.stringContaining("anti-affinity"),
  });
});

test("a pod that a policy refuses is told by ensure", async () => {
  const { server, spec, backend } = await startBackend(containerRuns);
  server.react = ({ type, path, object }) => {
    if (type !== "ADDED" || !path.startsWith(deployments)) return;
    const message = 'pods "x" is forbidden: violates PodSecurity "restricted:latest"';
    server.put(path, {
      ...object,
      status: { conditions: [{ type: "ReplicaFailure", status: "True", message }] },
    });
  };
  await expect(backend.ensure(spec)).rejects.toMatchObject({
    code: "SERVER_POD_REFUSED",
    message: expect.stringContaining("violates PodSecurity"),
    hint: expect.stringContaining("baseline"),
  });
});

test("neighbours are not looked at where that is forbidden", async () => {
  const { server, spec, backend } = await startBackend(containerRuns);
  await backend.ensure(spec);
  server.intercept = (_request, response, url) => {
    if (url.pathname !== "/api/v1/pods") return false;
    answer(response, 403, {
      message: 'User "u" cannot list resource "pods" in API group "" at the cluster scope',
    });
    return true;
  };
  expect(await backend.neighbours(spec)).toBeUndefined();
});

test("waiting stops when it is told to", async () => {
  const { spec, backend } = await startBackend(() => ({
    containerStatuses: [{ name: "server", restartCount: 0, ...waiting("ContainerCreating") }],
  }));
  const stop = new AbortController();
  await backend.ensure(spec);
  const waited = backend.waitReady(spec, completes, stop.signal);
  stop.abort();
  await expect(waited).rejects.toMatchObject({ code: "SERVER_WAIT_ABORTED" });
});
