import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ClusterPlan } from "../../src/config/cluster-plan.ts";
import type { CellPlan, ServerPlan } from "../../src/config/plan.ts";
import { resolveServer } from "../../src/engines/launch.ts";
import { defaultProfile } from "../../src/simulator/profiles.ts";
import { makeFolder } from "./folders.ts";

type KubernetesPlan = Extract<ServerPlan, { kind: "kubernetes" }>;

const cluster: ClusterPlan = {
  namespace: "bench",
  pools: {
    a10: {
      nodeSelector: { "node.kubernetes.io/instance-type": "VM.GPU.A10.2" },
      tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
      runtimeClass: "nvidia",
      gpuResource: "nvidia.com/gpu",
      servers: 2,
    },
  },
  serversPerNode: 1,
  storage: {
    models: { kind: "claim", claim: "models" },
    results: { kind: "claim", claim: "results" },
  },
  steps: {
    image: "example.com/llmbench:1",
    pullPolicy: "IfNotPresent",
    uid: 1001,
    gid: 1002,
    clientResources: {},
    nodeSelector: {},
    tolerations: [],
  },
  imagePullSecrets: ["ngc"],
  secrets: { NGC: { name: "ngc-api", key: "key" } },
  hub: { env: {}, secretEnv: [], atOnce: 2 },
  lookBeyondNamespace: false,
  networkPolicy: false,
  deadlineSeconds: 3600,
  keepSeconds: { succeeded: 3600, failed: 3600 },
};

const plain: KubernetesPlan = {
  kind: "kubernetes",
  pool: "a10",
  image: "example.com/engine:1",
  pullPolicy: "IfNotPresent",
  args: [],
  env: {},
  secretEnv: [],
  resources: { gpus: 1, cpu: "4", memory: "24Gi", sharedMemory: "16Gi" },
  settings: { contextLength: 4096 },
  startTimeoutSeconds: 600,
  stopTimeoutSeconds: 30,
};

/** Resolves a cell beside a models share with a folder `llama` and a file `gguf/m.gguf`. */
async function resolve(server: Partial<KubernetesPlan> = {}, cell: Partial<CellPlan> = {}) {
  const modelsFolder = makeFolder();
  mkdirSync(join(modelsFolder, "llama"));
  writeFileSync(join(modelsFolder, "llama", "config.json"), '{"torch_dtype":"bfloat16"}');
  const resolved = await resolveServer({
    runId: "run-1",
    cell: {
      id: "v--m",
      variant: "v",
      engine: "vllm",
      model: { id: "m", folder: "llama" },
      points: [
        { id: "c32", block: "b", load: { arrival: "closed", concurrency: 32, outputTokens: 8, requests: 8 } },
      ],
      ...cell,
      server: { ...plain, ...server },
    } as CellPlan,
    cluster,
    modelsFolder,
    hardware: { name: "a step's pod", gpus: [] },
    selfCommand: [],
    report: () => {},
    resolveSecrets: () => {
      throw new Error("nothing of a cluster is looked up here");
    },
  });
  const { container } = resolved.spec;
  if (container === undefined) throw new Error("no container");
  return { ...resolved, container };
}

describe("a server in the cluster", () => {
  test("is told the model's place on the share, its port and to listen to all", async () => {
    const { spec, container, model } = await resolve();
    expect(container.command).toEqual(["python3", "-m", "vllm.entrypoints.openai.api_server"]);
    expect(container.args.join(" ")).toBe(
      "--model /models/llama --served-model-name m --host 0.0.0.0 --port 8000 --max-model-len 4096",
    );
    expect(container).toMatchObject({ port: 8000, modelsMount: "/models", imagePullSecrets: ["ngc"] });
    expect(spec.command).toEqual([...(container.command ?? []), ...container.args]);
    expect(model).toMatchObject({ path: "/models/llama", precision: "BF16", form: "hf" });
  });

  test("goes to its pool, without what only the queue needs", async () => {
    const { container } = await resolve();
    const { servers: _, ...pool } = cluster.pools["a10"] ?? {};
    expect(container.pool).toEqual({ name: "a10", ...pool });
  });

  test("gets secrets by reference, and no value of one is in its spec", async () => {
    const { spec, container } = await resolve({
      env: { NGC_API_KEY: "${NGC}", PLAIN: "1" },
      secretEnv: ["NGC_API_KEY"],
    });
    expect(container.secretEnv).toEqual({ NGC_API_KEY: { name: "ngc-api", key: "key" } });
    expect(spec.env).toMatchObject({ PLAIN: "1" });
    expect(spec.env).not.toHaveProperty("NGC_API_KEY");
    expect(spec.secretEnv).toEqual(["NGC_API_KEY"]);
  });

  test("has arguments of the config after its own, with the model filled in", async () => {
    const { container } = await resolve({ args: ["--tokenizer", "{model}", "--alias={name}"] });
    expect(container.args.slice(-3)).toEqual(["--tokenizer", "/models/llama", "--alias=m"]);
  });

  test("is started by the config's command, which says all where it has the port", async () => {
    const { container } = await resolve({ command: ["serve", "--at", "{host}:{port}", "{model}"] });
    expect(container.command).toEqual(["serve", "--at", "0.0.0.0:8000", "/models/llama"]);
    expect(container.args).toEqual([]);
    const other = await resolve({ command: ["vllm", "serve"] });
    expect(other.container.args[0]).toBe("--model");
  });

  test("leaves an image's entry point alone where the engine has one, and names it for who wraps it", async () => {
    const { container, spec } = await resolve({}, { engine: "tgi", version: "2.4.1" });
    expect(container.command).toBeUndefined();
    expect(container.entryPoint).toEqual(["/tgi-entrypoint.sh"]);
    expect(spec.command[0]).toBe("/tgi-entrypoint.sh");
  });

  test("runs as the image's user, else as the config's, with a home that it may write", async () => {
    expect(await resolve()).toMatchObject({ container: { root: true } });
    const other = await resolve({ user: { uid: 2000, gid: 0 } });
    expect(other.container).toMatchObject({ root: false, user: { uid: 2000, gid: 0 } });
    expect(other.spec.env).toMatchObject({ HOME: "/cache", USER: "llmbench" });
    const nim = await resolve({}, { engine: "nim", version: "1.8.4" });
    expect(nim.container).toMatchObject({ root: false, user: { uid: 1000, gid: 1000 } });
    expect(nim.spec.env).not.toHaveProperty("HOME");
  });

  test("gets CUDA graphs for as many requests as its load has in flight, unless the config says how many", async () => {
    const sized = async (args: string[]) =>
      (await resolve({ args }, { engine: "sglang" })).container.args.join(" ");
    expect(await sized([])).toContain("--cuda-graph-max-bs 32");
    const own = await sized(["--cuda-graph-max-bs", "16"]);
    expect(own).toContain("--cuda-graph-max-bs 16");
    expect(own).not.toContain("--cuda-graph-max-bs 32");
  });

  test("is waited for by its start-up probe for longer than by us, and probed under load without generating", async () => {
    const { container } = await resolve({}, { engine: "sglang", version: "0.4.7" });
    const { startup, readiness, liveness } = container.probes;
    expect(startup.path).toBe("/health_generate");
    expect(startup.periodSeconds * startup.failureThreshold).toBeGreaterThan(plain.startTimeoutSeconds);
    expect([readiness.path, liveness?.path]).toEqual(["/get_model_info", "/get_model_info"]);
    const newer = await resolve({}, { engine: "sglang", version: "0.5.23" });
    expect(newer.container.probes.readiness.path).toBe("/model_info");
  });

  test("is another one with another image, pool, GPU count or model, and the same with another run", async () => {
    const hash = async (...args: Parameters<typeof resolve>) => (await resolve(...args)).spec.specHash;
    const hashes = [
      await hash(),
      await hash({ image: "example.com/engine:2" }),
      await hash({ resources: { gpus: 2 } }),
      await hash({ env: { A: "1" } }),
      await hash({}, { model: { id: "m", servedName: "n", folder: "llama" } }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hash({ startTimeoutSeconds: 7, pullPolicy: "Never" })).toBe(hashes[0]);
  });

  test("whose model is not on the share says where it was looked for", async () => {
    await expect(resolve({}, { model: { id: "m", folder: "gone" } })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      hint: expect.stringContaining("it is looked for at gone, below the share"),
    });
    await expect(resolve({}, { engine: "llamacpp" })).rejects.toMatchObject({
      code: "MODEL_WRONG_FORM",
      hint: expect.stringContaining("llama below the models share"),
    });
  });

  test("needs the plan's cluster", async () => {
    const cell = { id: "v--m", engine: "vllm", server: plain } as CellPlan;
    await expect(
      resolveServer({
        runId: "r",
        cell,
        hardware: { name: "x", gpus: [] },
        selfCommand: [],
        report: () => {},
        resolveSecrets: () => ({}),
      }),
    ).rejects.toMatchObject({ code: "CELL_NEEDS_CLUSTER" });
  });
});

describe("a simulated server in the cluster", () => {
  const simulated = { profile: defaultProfile("sglang"), seed: 7 };

  test("is llmbench in the steps' image, on the port and with the probes of the engine", async () => {
    const real = await resolve({}, { engine: "sglang" });
    const { container, spec, dialect } = await resolve(
      { simulated, image: cluster.steps.image },
      { engine: "sglang", model: { id: "m", folder: "gone" } },
    );
    expect(container.command).toEqual(["node", "/app/llmbench.mjs"]);
    expect(container.args.slice(0, 7)).toEqual([
      "simulate",
      "--dialect",
      "sglang",
      "--host",
      "0.0.0.0",
      "--port",
      "30000",
    ]);
    expect(container.probes).toEqual(real.container.probes);
    expect(container).toMatchObject({ root: false, readOnlyRoot: true, user: { uid: 1001, gid: 1002 } });
    expect({ simulated: spec.simulated, dialect: dialect.name }).toEqual({
      simulated: true,
      dialect: "sglang",
    });
  });

  test("is the same one in a newer image of ours", async () => {
    const hash = async (image: string) => (await resolve({ simulated, image })).spec.specHash;
    expect(await hash("example.com/llmbench:1")).toBe(await hash("example.com/llmbench:2"));
  });

  test.each([
    ["vllm", "0.6.4"],
    ["vllm", undefined],
    ["sglang", "0.4.7"],
    ["sglang", undefined],
    ["tgi", "2.4.1"],
    ["nim", undefined],
    ["trtllm", undefined],
    ["lmdeploy", undefined],
    ["llamacpp", undefined],
  ] as const)("answers the probes of %s %s", async (engine, version) => {
    const { startSimulator } = await import("../../src/simulator/server.ts");
    const { SimulatorOptions } = await import("../../src/simulator/options.ts");
    const { instantProfile } = await import("../../src/simulator/profiles.ts");
    const { container } = await resolve({ simulated }, { engine, ...(version && { version }) });
    const dialect = container.args[container.args.indexOf("--dialect") + 1];
    const simulator = await startSimulator(SimulatorOptions.parse({ dialect, profile: instantProfile }));
    try {
      await simulator.ready;
      for (const { path } of Object.values(container.probes))
        expect({ path, status: (await fetch(simulator.url + path)).status }).toEqual({ path, status: 200 });
    } finally {
      await simulator.stop();
    }
  });
});
