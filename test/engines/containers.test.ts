import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { resolveServer } from "../../src/engines/launch.ts";
import { planOf } from "../config/problems.ts";

/**
 * What a config resolves to on a cluster, for each engine and era: containers/*.yaml, to be read by people.
 * To make them anew: npx vitest run --project fast test/engines/containers -u
 */
const config = `
cluster:
  pools:
    a10:
      nodeSelector: { node.kubernetes.io/instance-type: VM.GPU.A10.2 }
  storage:
    models: { nfs: "10.0.10.24:/llm/models" }
    results: { nfs: "10.0.10.24:/llm/results" }
  steps: { image: registry.example.com/llmbench:0.1.0 }
  imagePullSecrets: [ngc-registry]
  secrets: { NGC_API_KEY: { name: ngc-api } }
engines:
  nim-1.8.4:
    kind: nim
    version: "1.8.4"
    image: nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8.4
    settings: &settings { contextLength: 8192, prefixCache: false }
    env: { NGC_API_KEY: { secret: NGC_API_KEY } }
  nim-1.15.5: { kind: nim, version: "1.15.5", settings: *settings }
  nim: { settings: *settings }
  vllm-0.6.4: { kind: vllm, version: "0.6.4", settings: &half { contextLength: 8192, prefixCache: false, dtype: float16 } }
  vllm: { settings: *half }
  vllm-two-gpus: { kind: vllm, settings: { tensorParallel: 2 }, user: { uid: 2000, gid: 0 } }
  sglang-0.4.7: { kind: sglang, version: "0.4.7", settings: *half }
  sglang: { settings: *half }
  tgi-2.4.1: { kind: tgi, version: "2.4.1", settings: *half }
  tgi: { settings: *half }
  trtllm: { settings: { contextLength: 8192, maxConcurrentRequests: 64 } }
  lmdeploy: { settings: *half }
  llamacpp: { settings: { contextLength: 8192, maxConcurrentRequests: 32 } }
  llamacpp-cpu:
    kind: llamacpp
    settings: { contextLength: 2048, maxConcurrentRequests: 4 }
    resources: { gpus: 0, cpu: 6 }
  simulated-tgi: { kind: tgi, version: "2.4.1", simulated: true }
models:
  llama-3-8b: { folder: llama-3-8b-instruct }
cells:
  overrides:
    - { engine: llamacpp, folder: gguf }
    - { engine: llamacpp-cpu, folder: gguf/llama-3-8b-q4.gguf }
load:
  blocks: [{ name: batching, concurrency: [1, 32], outputTokens: 128, requests: { perUser: 10 } }]
`;
/** The start of a GGUF file without tensors: magic, version 3, no tensors, no metadata. */
const gguf = Buffer.concat([Buffer.from("GGUF"), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16)]);

const plan = await planOf(config);
const modelsFolder = await mkdtemp(join(tmpdir(), "llmbench-share-"));
beforeAll(async () => {
  for (const folder of ["llama-3-8b-instruct", "gguf"]) await mkdir(join(modelsFolder, folder));
  await writeFile(join(modelsFolder, "llama-3-8b-instruct", "config.json"), '{"torch_dtype":"bfloat16"}');
  await writeFile(join(modelsFolder, "gguf", "llama-3-8b-q4.gguf"), gguf);
});
afterAll(() => rm(modelsFolder, { recursive: true }));

describe("The container of", () => {
  it.each(plan.cells)("$variant is as it is written down", async (cell) => {
    if (plan.cluster === undefined) throw new Error("no cluster");
    const { spec, dialect } = await resolveServer({
      runId: "run-1",
      cell,
      cluster: plan.cluster,
      modelsFolder,
      hardware: { name: "the pod of a step", gpus: [] },
      selfCommand: [],
      report: () => {},
      resolveSecrets: () => ({}),
    });
    const { container, env, startTimeoutSeconds, stopTimeoutSeconds } = spec;
    const shown = { dialect: dialect.name, env, startTimeoutSeconds, stopTimeoutSeconds, ...container };
    await expect(stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false })).toMatchFileSnapshot(
      `./containers/${cell.variant}.yaml`,
    );
  });
});
