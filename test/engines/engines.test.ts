import { describe, expect, test } from "vitest";
import { dialectFor, dialectNamed, engineSpec, engines } from "../../src/engines/index.ts";
import { dialectNames, type LaunchInput } from "../../src/engines/spec.ts";
import { isAtLeast } from "../../src/engines/versions.ts";

const bare: LaunchInput = { modelPath: "/models/x", servedName: "x", settings: {}, requestsInFlight: 1 };
const full: LaunchInput = {
  ...bare,
  requestsInFlight: 8,
  settings: {
    contextLength: 2048,
    maxConcurrentRequests: 4,
    threads: 3,
    dtype: "bfloat16",
    tensorParallel: 2,
    gpuMemoryShare: 0.8,
    prefixCache: false,
  },
};

describe("versions", () => {
  test.each([
    ["0.6.4", "0.6.4", true],
    ["0.6.4.post1", "0.6.5", false],
    ["0.10.0", "0.9.2", true],
    ["v3.3.6-dev0", "3", true],
    ["2.4.1", "3", false],
    ["dev", "99", true],
    [undefined, "99", true],
    ["1.8", "1.14", false],
  ])("%s is at least %s: %s", (version, bound, expected) => {
    expect(isAtLeast(version, bound)).toBe(expected);
  });
});

describe("dialects", () => {
  test.each([
    ["vllm", "0.6.4.post1", "vllm-0.6.4"],
    ["vllm", "0.6.5", "vllm"],
    ["vllm", undefined, "vllm"],
    ["sglang", "0.4.7", "sglang-0.4.7"],
    ["sglang", "0.5.23", "sglang"],
    ["tgi", "2.4.1", "tgi-2.4.1"],
    ["tgi", "3.3.6-dev0", "tgi"],
    ["nim", "1.8.4", "nim-1.8"],
    ["nim", "1.14.0", "nim"],
    ["llamacpp", "2026.10.11549", "llamacpp"],
    ["openai", undefined, "openai"],
  ] as const)("%s %s speaks %s", (engine, version, name) => {
    expect(dialectFor(engine, version).name).toBe(name);
  });

  test("every name leads to the dialect of that name", () => {
    expect(dialectNames.map((name) => dialectNamed(name).name)).toEqual(dialectNames);
  });
});

/** Arguments as a person would type them. */
const words = (line: string) => line.split(" ");

describe("arguments", () => {
  test("TensorRT-LLM and LMDeploy take the model as their first word", () => {
    expect(engineSpec("trtllm").args(full)).toEqual(
      words("/models/x --host {host} --port {port} --max_seq_len 2048 --max_batch_size 4 --tp_size 2"),
    );
    const lmdeploy = words(
      "/models/x --model-name x --server-name {host} --server-port {port} --session-len 2048 " +
        "--max-batch-size 4 --dtype bfloat16 --tp 2",
    );
    expect(engineSpec("lmdeploy").args(full)).toEqual(lmdeploy);
    expect(engineSpec("lmdeploy").args({ ...full, settings: { prefixCache: true } })).toContain(
      "--enable-prefix-caching",
    );
  });

  test("vLLM turns prefix caching off in the words of its version", () => {
    const old = engineSpec("vllm").args({ ...full, version: "0.6.4" });
    const now = engineSpec("vllm").args(full);
    expect(old).toEqual(
      words(
        "--model /models/x --served-model-name x --host {host} --port {port} --max-model-len 2048 " +
          "--max-num-seqs 4 --dtype bfloat16 --tensor-parallel-size 2 --gpu-memory-utilization 0.8",
      ),
    );
    expect(now).toEqual([...old, "--no-enable-prefix-caching"]);
    expect(engineSpec("vllm").args({ ...full, settings: { prefixCache: true }, version: "0.6.4" })).toContain(
      "--enable-prefix-caching",
    );
    expect(engineSpec("vllm").env(full)).toMatchObject({
      OMP_NUM_THREADS: "3",
      VLLM_CPU_OMP_THREADS_BIND: "nobind",
    });
  });

  test("llama.cpp gets a context for each slot, and HTTP threads for connections opened ahead", () => {
    const address = "-m /models/x --alias x --host {host} --port {port}";
    expect(engineSpec("llamacpp").args(full)).toEqual(
      words(`${address} -np 4 -c 8192 -t 3 -tb 3 --threads-http 18 --metrics --no-cache-prompt`),
    );
    expect(engineSpec("llamacpp").args(bare)).toEqual(words(`${address} -np 1 --threads-http 4 --metrics`));
  });

  test("SGLang, TGI and NIM have their own words for the same settings", () => {
    expect(engineSpec("sglang").args(full)).toEqual(
      words(
        "--model-path /models/x --served-model-name x --host {host} --port {port} " +
          "--context-length 2048 --max-running-requests 4 --dtype bfloat16 --tp-size 2 " +
          "--mem-fraction-static 0.8 --enable-metrics --disable-radix-cache",
      ),
    );
    expect(engineSpec("tgi").args(full)).toEqual(
      words(
        "--model-id /models/x --hostname {host} --port {port} --usage-stats off --max-concurrent-requests 512 " +
          "--max-input-tokens 2047 --max-total-tokens 2048 --max-batch-prefill-tokens 4096 --max-batch-size 4 " +
          "--dtype bfloat16 --num-shard 2 --cuda-memory-fraction 0.8",
      ),
    );
    expect(engineSpec("tgi").env(full)).toMatchObject({ PREFIX_CACHING: "0" });
    expect(engineSpec("nim").env({ ...full, version: "1.8.4" })).toEqual({
      NIM_SERVED_MODEL_NAME: "x",
      NIM_SERVER_PORT: "{port}",
      NIM_FT_MODEL: "/models/x",
      NIM_CUSTOM_MODEL_NAME: "x",
      NIM_MAX_MODEL_LEN: "2048",
      NIM_TENSOR_PARALLEL_SIZE: "2",
      NIM_ENABLE_KV_CACHE_REUSE: "0",
    });
    expect(engineSpec("nim").env({ ...full, version: "1.15.5" })).toMatchObject({
      NIM_MODEL_NAME: "/models/x",
    });
    expect(engineSpec("nim").env({ ...bare, modelPath: "", version: "1.8.4" })).not.toHaveProperty(
      "NIM_FT_MODEL",
    );
    expect(engineSpec("nim").env({ ...full, version: "2.1.5" })).toMatchObject({
      NIM_MODEL_PATH: "/models/x",
      NIM_PASSTHROUGH_ARGS: "--no-enable-prefix-caching",
    });
  });

  test.each(engines.map((spec) => [spec.kind, spec] as const))(
    "%s maps every setting that it claims",
    (_, spec) => {
      for (const setting of spec.settings) {
        const off = JSON.stringify([spec.args(bare), spec.env(bare)]);
        // One of the two is what the engine does by itself.
        const values = setting === "prefixCache" ? [false, true] : [full.settings[setting]];
        const changed = values.some((value) => {
          const on = { ...bare, settings: { [setting]: value } };
          return JSON.stringify([spec.args(on), spec.env(on)]) !== off;
        });
        expect({ setting, changed }).toEqual({ setting, changed: true });
      }
    },
  );
});
