import {
  configMap,
  container,
  dag,
  fromFile,
  number,
  oneOf,
  semaphore,
  string,
  text,
  thisRun,
  volume,
  workflowTemplate,
} from "../src/argo/index.ts";

// Many cells, each with a server of its own that is taken down whatever happens. As many servers at a time as the
// ConfigMap `slots` allows for the pool. A cell that fails leaves the others alone, and `argo retry` runs it again.

const image = "ghcr.io/example/bench:1.0.0";
const slots = configMap("slots", "a10", "h100");
const results = volume("results", { persistentVolumeClaim: { claimName: "results" } });

// What Argo or a node broke is tried again; what the program says is not.
const retry = { limit: 2, policy: "OnError" } as const;

const deploy = container(
  "deploy",
  { inputs: { cell: string() }, outputs: { url: fromFile("/tmp/url") } },
  (c) =>
    c.run({
      image,
      command: ["bench", "deploy", text`--cell=${c.inputs.cell}`, text`--owner=${thisRun.uid}`],
      serviceAccount: "deploy",
      deadline: "20m",
      retry,
    }),
);

const sweep = container(
  "sweep",
  {
    inputs: { cell: string(), url: string() },
    outputs: { rate: fromFile("/tmp/rate", number({ default: 0 })) },
  },
  (c) =>
    c.run({
      image,
      command: ["bench", "sweep", text`--cell=${c.inputs.cell}`, text`--url=${c.inputs.url}`],
      resources: { requests: { cpu: "2", memory: "1Gi" } },
      mounts: { "/results": results },
      retry,
    }),
);

// It ends with its own exit code when the cell failed: a teardown that succeeded would keep `argo retry` from
// running it again. And without a retry of its own: `argo retry` would leave that running, and the cell with it.
const teardown = container("teardown", { inputs: { cell: string(), status: string() } }, (c) =>
  c.run({
    image,
    command: ["bench", "teardown", text`--cell=${c.inputs.cell}`, text`--status=${c.inputs.status}`],
    serviceAccount: "deploy",
  }),
);

const finish = container("finish", {}, (c) =>
  c.run({
    image,
    command: ["bench", "finish", text`--run=${thisRun.name}`],
    mounts: { "/results": results },
  }),
);

const cell = dag(
  "cell",
  { inputs: { cell: string(), pool: oneOf(["a10", "h100"]) }, outputs: { rate: number() } },
  (d) => {
    d.hold(semaphore(slots.key(d.inputs.pool)));
    const deployed = d.task("deploy", deploy, { cell: d.inputs.cell });
    const swept = d.task("sweep", sweep, { cell: d.inputs.cell, url: deployed.outputs.url });
    return { rate: swept.outputs.rate };
  },
);

const cells = [
  { id: "vllm-llama", pool: "a10" },
  { id: "sglang-llama", pool: "a10" },
  { id: "vllm-mistral", pool: "h100" },
] as const;

const everyCell = dag("every-cell", { failFast: false }, (d) => {
  for (const { id, pool } of cells) {
    d.task(
      id,
      cell,
      { cell: id, pool },
      { onExit: (ended) => ended.run(teardown, { cell: id, status: ended.status }) },
    );
  }
});

export default workflowTemplate("fan-out", {
  entry: everyCell,
  onExit: finish,
  title: "Every engine with every model",
  deadline: "12h",
  keep: { afterSuccess: "24h", afterFailure: "168h" },
  podGC: "OnPodSuccess",
});
