import { container, dag, workflowTemplate } from "../src/argo/index.ts";

// What the language has no word for: any field of Argo's own objects, merged over what is written. Their types are
// Argo's, so that a misspelt field does not compile, and the lint reads what is patched like the rest.

const sweep = container("sweep", {}, (c) =>
  c.run({
    image: "ghcr.io/example/bench:1.0.0",
    command: ["bench", "sweep"],
    patch: {
      metrics: {
        prometheus: [
          {
            name: "sweep_seconds",
            help: "How long a sweep took",
            gauge: { realtime: false, value: "{{duration}}" },
          },
        ],
      },
      container: { lifecycle: { preStop: { exec: { command: ["bench", "flush"] } } } },
    },
  }),
);

const main = dag("main", {}, (d) => {
  d.task("sweep", sweep);
});

export default workflowTemplate("patch", {
  entry: main,
  patch: { hostAliases: [{ ip: "10.0.0.7", hostnames: ["models.internal"] }] },
});
