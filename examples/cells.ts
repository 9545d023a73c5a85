import { container, dag, fromFile, number, string, text, workflowTemplate } from "../src/argo/index.ts";

const deploy = container(
  "deploy",
  { inputs: { model: string() }, outputs: { url: fromFile("/tmp/url") } },
  (c) =>
    c.run({
      image: "ghcr.io/example/deploy:1.0.0",
      command: ["deploy", text`--model=${c.inputs.model}`],
      retry: { limit: 2, policy: "OnError" },
    }),
);

const measure = container(
  "measure",
  {
    inputs: { url: string(), requests: number({ default: 10 }) },
    outputs: { rate: fromFile("/tmp/rate", number()) },
  },
  (c) =>
    c.run({
      image: "ghcr.io/example/measure:1.0.0",
      command: ["measure", text`--requests=${c.inputs.requests}`, c.inputs.url],
      resources: { requests: { cpu: "2", memory: "1Gi" } },
    }),
);

const teardown = container("teardown", { inputs: { status: string() } }, (c) =>
  c.run({ image: "ghcr.io/example/deploy:1.0.0", command: ["teardown", text`--exit-as=${c.inputs.status}`] }),
);

const cell = dag("cell", { inputs: { model: string() }, outputs: { rate: number() } }, (d) => {
  const deployed = d.task("deploy", deploy, { model: d.inputs.model });
  const measured = d.task("measure", measure, { url: deployed.outputs.url });
  return { rate: measured.outputs.rate };
});

const main = dag("main", { failFast: false }, (d) => {
  for (const model of ["llama", "mistral"]) {
    d.task(model, cell, { model }, { onExit: (ended) => ended.run(teardown, { status: ended.status }) });
  }
});

export default workflowTemplate("cells", { entry: main });
