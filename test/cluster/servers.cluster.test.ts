import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rights } from "../../pipelines/access.ts";
import { ApiClient } from "../../src/servers/kubernetes/api-client.ts";
import { connect } from "../../src/servers/kubernetes/connection.ts";
import { makeManifests } from "../../src/servers/kubernetes/manifests.ts";
import type { ServerSpec } from "../../src/servers/server.ts";
import {
  asServiceAccount,
  completesIn,
  kubectl,
  makeBackend,
  makeSpec,
  onNode,
  running,
  serversMissing,
} from "./servers.ts";

const missing = serversMissing();
if (missing !== undefined) process.stderr.write(`cluster tests of servers are skipped: ${missing}\n`);

const namespace = "llmbench-servers-test";
const backend = makeBackend(namespace);
const never = new AbortController().signal;

/** Deploys a server and waits for it. */
async function start(spec: ServerSpec, by = backend) {
  await by.ensure(spec);
  return await by.waitReady(spec, completesIn(namespace, spec), never);
}

/** What came of a server that cannot become ready, and how long that took to be told, seconds. */
async function failure(spec: ServerSpec, by = backend) {
  const begun = performance.now();
  const error: unknown = await start(spec, by).catch((error: unknown) => error);
  const seconds = (performance.now() - begun) / 1000;
  const { code, message, hint, details } = error as { [key: string]: string };
  process.stderr.write(`${spec.cellId}: ${seconds.toFixed(1)} s ${code} ${message}\n  ${hint}\n`);
  await by.remove(spec);
  return { code, message, hint, details, seconds };
}

function podOf(cellId: string): { name: string; node: string } {
  const found = JSON.parse(kubectl(`get pods -n ${namespace} -l llmbench.dev/cell=${cellId} -o json`)) as {
    items: { metadata: { name: string }; spec: { nodeName: string } }[];
  };
  const [pod] = found.items;
  return { name: pod?.metadata.name ?? "", node: pod?.spec.nodeName ?? "" };
}

describe.skipIf(missing !== undefined)("servers of a cluster", () => {
  beforeAll(() => {
    kubectl(`delete namespace ${namespace} --ignore-not-found --wait`);
    kubectl(`create namespace ${namespace}`);
    kubectl(`label namespace ${namespace} pod-security.kubernetes.io/enforce=restricted`);
    kubectl(`create serviceaccount -n ${namespace} nobody`);
  });

  afterAll(() => {
    kubectl(`delete namespace ${namespace} --wait=false`);
  });

  test("a server becomes ready under the restricted profile, is found again, and is gone after remove", async () => {
    const spec = makeSpec("ready");
    const { server, startup } = await start(spec);
    process.stderr.write(`startup: ${JSON.stringify(startup)}\n`);
    const times = [
      startup.scheduledMs,
      startup.pulledMs,
      startup.startedMs,
      startup.portOpenMs,
      startup.readyMs,
      startup.firstCompletionMs,
    ];
    expect(times).toEqual(times.map(Number).sort((a, b) => a - b));
    expect(await backend.ensure(spec)).toEqual(server);
    expect(await backend.inspect(spec)).toMatchObject({
      running: true,
      instance: server.instance,
      restarts: 0,
      node: "cpu-1",
      imageDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(await backend.list("run-1")).toMatchObject([{ runId: "run-1", cellId: "ready" }]);
    expect(await backend.list("run-2")).toEqual([]);
    expect(await backend.neighbours(spec)).toMatchObject({ gpuPods: [] });
    await backend.remove(spec);
    expect(kubectl(`get deployments,replicasets,services,pods -n ${namespace} -o name`)).toBe("");
    await backend.remove(spec); // also when there is none
    expect(await backend.inspect(spec)).toMatchObject({ running: false });
  });

  test("commands run beside it, and their output comes as it is", async () => {
    const spec = makeSpec("beside");
    await start(spec);
    const said = await backend.exec(spec, [
      "node",
      "-e",
      "console.log('out'); console.error('err'); process.exit(7)",
    ]);
    expect(said).toEqual({ exitStatus: 7, stdout: "out\n", stderr: "err\n" });
    expect(await backend.exec(spec, ["no-such-program"])).toMatchObject({ exitStatus: 127 });
    await backend.remove(spec);
    await expect(backend.exec(spec, ["true"])).rejects.toMatchObject({ code: "SERVER_EXEC_FAILED" });
  });

  test("another spec takes the place of the one before", async () => {
    const spec = makeSpec("other");
    const first = await start(spec);
    const second = await start({ ...spec, specHash: "hash-2" });
    expect(second.server.instance).not.toBe(first.server.instance);
    expect(await backend.list("run-1")).toHaveLength(1);
    await backend.remove(spec);
  });

  test("a pod that is deleted and a process that dies are new instances", async () => {
    const spec = makeSpec("replaced");
    const first = await start(spec);
    kubectl(`delete pod -n ${namespace} ${podOf("replaced").name} --wait`);
    const second = await start(spec);
    expect(second.server.instance).not.toBe(first.server.instance);
    // The first process of the container, which takes the server with it.
    await backend.exec(spec, ["node", "-e", "process.kill(1, 'SIGTERM')"]);
    await expect
      .poll(async () => (await backend.inspect(spec)).instance, { timeout: 20_000 })
      .not.toBe(second.server.instance);
    const third = await start(spec);
    expect(third.server.instance).not.toBe(second.server.instance);
    await backend.remove(spec);
  });

  test("a server that crashed is started anew by ensure", async () => {
    const spec = makeSpec("again", running("process.exit(3)"));
    const first = await backend.ensure(spec);
    await expect
      .poll(async () => (await backend.inspect(spec)).reason ?? "", { timeout: 20_000 })
      .toContain("status 3");
    const second = await backend.ensure(spec);
    expect(second.instance.split("+")[0]).not.toBe(first.instance.split("+")[0]);
    await backend.remove(spec);
  });

  test("an image that is not there", async () => {
    const spec = makeSpec("image", { container: { image: "localhost/no-such-image:1" } });
    const { code, message, seconds } = await failure(spec);
    expect(code).toBe("SERVER_IMAGE_UNAVAILABLE");
    expect(message).toContain("no-such-image");
    expect(seconds).toBeLessThan(30);
  });

  test("a crash while it starts, with its last words", async () => {
    const spec = makeSpec("crash", running("console.error('CUDA out of memory'); process.exit(3)"));
    const { code, message, hint, details } = await failure(spec);
    expect(code).toBe("SERVER_EXITED");
    expect(message).toContain("status 3");
    expect(hint).toContain("gpuMemoryShare");
    expect(details).toContain("CUDA out of memory");
  });

  test("a container that takes more memory than it has", async () => {
    const eat = "const all = []; for (;;) all.push(Buffer.alloc(16 * 2 ** 20, 1));";
    const spec = makeSpec("memory", running(eat, { resources: { gpus: 0, memory: "96Mi" } }));
    const { code, message } = await failure(spec);
    expect(code).toBe("SERVER_OUT_OF_MEMORY");
    expect(message).toContain("96Mi");
  });

  test("a secret that is not there", async () => {
    const spec = makeSpec("secret", {
      secretEnv: ["HF_TOKEN"],
      container: { secretEnv: { HF_TOKEN: { name: "hub", key: "token" } } },
    });
    const { code, message } = await failure(spec);
    expect(code).toBe("SERVER_SECRET_MISSING");
    expect(message).toContain('secret "hub" not found');
  });

  test("a program that the image has not", async () => {
    const spec = makeSpec("program", { container: { command: ["/no/such/program"], args: [] } });
    const { code, hint } = await failure(spec);
    expect(code).toBe("SERVER_START_FAILED");
    expect(hint).toContain("no such program");
  });

  test("a node that no cluster has", async () => {
    const spec = makeSpec("nowhere", { container: { pool: onNode("nowhere") } });
    const { code, message } = await failure(spec);
    expect(code).toBe("SERVER_UNSCHEDULABLE");
    expect(message).toContain("gpu-1: its label kubernetes.io/hostname is gpu-1, asked for is nowhere");
  });

  test("more GPUs than a node has", async () => {
    const spec = makeSpec("gpus", { container: { pool: onNode("gpu-2"), resources: { gpus: 3 } } });
    const { code, message } = await failure(spec);
    expect(code).toBe("SERVER_UNSCHEDULABLE");
    expect(message).toContain("gpu-2: has 2 of nvidia.com/gpu to give");
  });

  test("a claim that is not there", async () => {
    const by = makeBackend(namespace, { models: { claim: "no-such-claim" } });
    const { code, message } = await failure(makeSpec("claim"), by);
    expect(code).toBe("SERVER_SHARE_MISSING");
    expect(message).toContain("no-such-claim");
  });

  test("a share that cannot be mounted", async () => {
    const volume = "llmbench-servers-test";
    const capacity = { storage: "1Gi" };
    const shape = { accessModes: ["ReadOnlyMany"], storageClassName: "" };
    const manifests = [
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: volume },
        spec: { ...shape, capacity, hostPath: { path: "/no/such/models", type: "Directory" } },
      },
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "models", namespace },
        spec: { ...shape, resources: { requests: capacity }, volumeName: volume },
      },
    ];
    kubectl("apply -f -", JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests }));
    try {
      const by = makeBackend(namespace, { models: { claim: "models" } });
      const { code, message } = await failure(makeSpec("mount"), by);
      expect(code).toBe("SERVER_MOUNT_FAILED");
      expect(message).toContain("/no/such/models");
    } finally {
      kubectl(`delete pvc -n ${namespace} models`);
      kubectl(`delete pv ${volume}`);
    }
  });

  test("an engine that needs root where the namespace allows none", async () => {
    const { user: _, ...container } = makeSpec("root").container ?? {};
    const spec = { ...makeSpec("root"), container: { ...container, root: true } } as ServerSpec;
    const { code, hint } = await failure(spec);
    expect(code).toBe("SERVER_POD_REFUSED");
    expect(hint).toContain("Pod Security");
  });

  test("a right that is missing, by its name, the resource and whose it is", async () => {
    const { dispose, env } = asServiceAccount(namespace, "nobody");
    try {
      const by = makeBackend(namespace, { client: async () => new ApiClient(await connect(env)) });
      await expect(by.ensure(makeSpec("rights"))).rejects.toMatchObject({
        code: "CLUSTER_FORBIDDEN",
        message: `ServiceAccount nobody of namespace ${namespace} may not get deployments.apps in namespace ${namespace}.`,
        hint: expect.stringContaining("kubectl auth can-i get deployments.apps"),
      });
    } finally {
      dispose();
    }
  });

  test("the rights that are asked for in a namespace are enough, also without a look beyond it", async () => {
    const roles = (["server", "teardown"] as const).flatMap((name) => [
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name, namespace },
        rules: rights[name],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name, namespace },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name, namespace }],
      },
    ]);
    kubectl("apply -f -", JSON.stringify({ apiVersion: "v1", kind: "List", items: roles }));
    const accounts = ["server", "teardown"].map((name) => asServiceAccount(namespace, name));
    const [server, teardown] = accounts.map(({ env }) =>
      makeBackend(namespace, { client: async () => new ApiClient(await connect(env)) }),
    ) as [typeof backend, typeof backend];
    try {
      const spec = makeSpec("least");
      await start(spec, server);
      await start({ ...spec, specHash: "hash-2" }, server);
      expect(await server.inspect(spec)).toMatchObject({ running: true, node: "cpu-1" });
      expect(await server.neighbours(spec)).toBeUndefined();
      expect(await server.logs(spec, 5)).not.toEqual([]);
      expect(
        await failure(makeSpec("lost", { container: { pool: onNode("nowhere") } }), server),
      ).toMatchObject({
        code: "SERVER_UNSCHEDULABLE",
      });
      expect(await failure(makeSpec("dies", running("process.exit(3)")), server)).toMatchObject({
        code: "SERVER_EXITED",
      });
      await teardown.remove(spec);
      expect(await teardown.list()).toEqual([]);
    } finally {
      for (const { dispose } of accounts) dispose();
    }
  });

  test("of two servers for one node the second waits for its turn, and gets it", async () => {
    const alone = makeBackend(namespace, { serversPerNode: 1, turnTimeoutSeconds: 300 });
    const [first, second] = ["first", "second"].map((cellId) =>
      makeSpec(cellId, { container: { pool: onNode("gpu-1"), resources: { gpus: 1 } } }),
    ) as [ServerSpec, ServerSpec];
    await start(first, alone);
    await alone.ensure(second);
    const impatient = makeBackend(namespace, { serversPerNode: 1, turnTimeoutSeconds: 15 });
    await expect(impatient.waitReady(second, completesIn(namespace, second), never)).rejects.toMatchObject({
      code: "SERVER_NO_TURN",
      message: expect.stringContaining("anti-affinity"),
    });
    const waiting = alone.waitReady(second, completesIn(namespace, second), never);
    await alone.remove(first);
    const { server } = await waiting;
    expect(await alone.inspect(second)).toMatchObject({
      running: true,
      instance: server.instance,
      node: "gpu-1",
    });
    await alone.remove(second);
  });

  test("a server whose node is drained while it starts is waited for on another node", async () => {
    const anyGpu = { ...onNode(""), nodeSelector: { "nvidia.com/gpu.product": "NVIDIA-A10" } };
    const slow = ["simulate", "--dialect", "vllm", "--host", "{host}", "--port", "{port}"];
    const profile = {
      loadMs: 15_000,
      prefillMs: 1,
      prefillMsPerToken: 0,
      decodeMs: 1,
      decodeMsPerSequence: 0,
      maxBatch: 8,
      jitter: 0,
    };
    const spec = makeSpec("drained", {
      container: {
        pool: anyGpu,
        resources: { gpus: 1 },
        args: [...slow, "--profile", JSON.stringify(profile)],
      },
    });
    const { instance } = await backend.ensure(spec);
    const waiting = backend.waitReady(spec, completesIn(namespace, spec), never);
    await expect.poll(() => podOf("drained").node, { timeout: 20_000 }).not.toBe("");
    const { node } = podOf("drained");
    try {
      kubectl(`drain ${node} --pod-selector llmbench.dev/cell=drained --delete-emptydir-data`);
      const { server } = await waiting;
      expect(server.instance).not.toBe(instance);
      expect((await backend.inspect(spec)).node).not.toBe(node);
    } finally {
      kubectl(`uncordon ${node}`);
      await backend.remove(spec);
    }
  });

  test("servers whose workflow has ended are removed, and others left", async () => {
    const workflow = (name: string, phase: string) => ({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      // A controller of another name would run it: nobody touches it.
      metadata: { name, namespace, labels: { "workflows.argoproj.io/controller-instanceid": "nobody" } },
      spec: { entrypoint: "main", templates: [{ name: "main", suspend: {} }] },
      status: { phase },
    });
    const owned = ["ended", "alive"].map((name) => {
      const phase = name === "ended" ? "Failed" : "Running";
      const made = JSON.parse(kubectl("create -o json -f -", JSON.stringify(workflow(name, phase)))) as {
        metadata: { uid: string };
      };
      return makeBackend(namespace, { workflow: { name, uid: made.metadata.uid } });
    });
    const [ended, alive] = owned as [typeof backend, typeof backend];
    await Promise.all([
      ended.ensure(makeSpec("orphan")),
      alive.ensure(makeSpec("owned")),
      backend.ensure(makeSpec("free")),
    ]);
    expect(await backend.removeOrphans()).toEqual([
      { runId: "run-1", cellId: "orphan", reason: "workflow ended has ended (Failed)" },
    ]);
    expect((await backend.list()).map(({ cellId }) => cellId).sort()).toEqual(["free", "owned"]);
    // The other goes with its workflow.
    kubectl(`delete workflow -n ${namespace} alive`);
    await expect.poll(async () => (await backend.list()).length, { timeout: 30_000 }).toBe(1);
    await backend.remove(makeSpec("free"));
  });

  test("the manifests pass the API server's own checks", () => {
    const { deployment, service } = makeManifests(makeSpec("dry"), {
      namespace,
      serversPerNode: 1,
      models: { claim: "models", subPath: "llama" },
      workflow: { name: "wf", uid: "6f7d2c1e-0000-4000-8000-000000000000" },
      deployedAtMs: 0,
    });
    for (const manifest of [deployment, service]) {
      const said = kubectl("apply --server-side --dry-run=server -f -", JSON.stringify(manifest));
      expect(said).toContain("serverside-applied");
    }
  });
});
