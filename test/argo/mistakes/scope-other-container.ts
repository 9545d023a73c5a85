// A DAG's handle inside a container
import { container, dag, string } from "../../../src/argo/index.ts";

dag("main", { inputs: { url: string() } }, (d) => {
  const probe = container("probe", {}, (c) =>
    c.run({
      image: "curl:8",
      // @ts-expect-error
      command: ["curl", d.inputs.url],
    }),
  );
  d.task("probe", probe);
});
