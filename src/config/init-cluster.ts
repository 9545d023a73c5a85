/** The config to start from on a cluster; the manner is that of init.ts. */
export const CLUSTER_START = `# A benchmark on a Kubernetes cluster: which engine serves which model best on its GPUs.
# Check it with: llmbench validate FILE. Make its workflow with: llmbench build FILE.
# Every key is explained in docs/configuration.md. A # right before a key switches that key off.

#name: my-benchmark
description: vLLM against SGLang on one kind of GPU

# Where it runs: nodes, storage that all of them see, and the image of the steps.
cluster:
  namespace: llm-bench
  # Nodes of one kind of hardware each, chosen by label: kubectl get nodes --show-labels
  pools:
    a10:
      nodeSelector:
        node.kubernetes.io/instance-type: VM.GPU.A10.2
      # Servers at once: as many as there are such nodes.
      servers: 1
      #runtimeClass: nvidia
  # Models are read from one share, results are written to another. An NFS export, or one of:
  # claim: NAME (a PersistentVolumeClaim), ociFss: {…} (OCI File Storage), hostPath: /FOLDER (one machine).
  storage:
    models: { nfs: "10.0.10.24:/llm", folder: models }
    results: { nfs: "10.0.10.24:/llm", folder: results }
  steps:
    image: registry.example.com/llmbench:0.1.0
    # Who may write to the results.
    #uid: 1000
  #imagePullSecrets: [registry]
  # Secrets of the namespace, by the name that env of an engine or of hub has for them.
  #secrets:
    #HF_TOKEN: { name: hugging-face, key: token }
  # How models that say hub are brought to the share.
  #hub: { env: { HF_TOKEN: { secret: HF_TOKEN } } }
  # See other people's pods beside a server, too; needs a ClusterRole.
  #lookBeyondNamespace: true
  # Read CPU time and memory of the servers while they are measured; needs the right pods/exec.
  #readServerUsage: true

# What is compared. The name of a variant is also its kind, unless kind says otherwise.
engines:
  vllm:
    version: "0.33.0"
    settings: { contextLength: 8192, dtype: bfloat16 }
    #image: registry.example.com/vllm-openai:v0.33.0
    #resources: { memory: 48Gi }
    #env:
      #HF_TOKEN: { secret: HF_TOKEN }
  sglang:
    version: "0.5.23"
    settings: { contextLength: 8192, dtype: bfloat16 }
  # A simulator speaks for the engine, and the results say so: to try the pipeline.
  #tgi:
    #simulated: true

# What they serve: folders below storage.models.
models:
  llama-3-8b-instruct:
    folder: llama-3-8b-instruct
    # Where a workflow of its own brings it from.
    #hub: meta-llama/Meta-Llama-3-8B-Instruct

# What is sent to each server.
load:
  warmup: 3
  #repetitions: 3
  blocks:
    # How long answers take, one user at a time.
    - name: length
      outputTokens: [32, 128, 512]
      requests: 5
    # What happens with several users at once.
    - name: batching
      concurrency: [1, 4, 16]
      outputTokens: 128
      requests: { perUser: 10 }

# The variant that the others are shown relative to.
baseline: vllm

# Every night at two. It is only made when it is here.
#schedule:
  #cron: "0 2 * * *"
  #timeZone: Europe/Berlin

# What the GPU does, with Nsight Systems, after the measurement.
#profiling:
  #nsys: { share: tools/nsight-systems-cli }
`;
