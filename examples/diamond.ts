import { container, dag, fromFile, number, string, text, workflowTemplate } from "../src/argo/index.ts";

// Two measurements of one server, side by side, and a comparison of both.

const image = "alpine:3.22";

const start = container(
  "start",
  { inputs: { model: string() }, outputs: { url: fromFile("/tmp/url") } },
  (c) =>
    c.run({
      image,
      command: ["sh", "-c", text`echo "http://${c.inputs.model}:8000" > ${c.files.url}`],
    }),
);

const measure = container(
  "measure",
  { inputs: { url: string(), streams: number() }, outputs: { rate: fromFile("/tmp/rate", number()) } },
  (c) =>
    c.run({
      image,
      command: ["sh", "-c", text`echo "${c.inputs.url} with ${c.inputs.streams}"; echo 42 > ${c.files.rate}`],
      resources: { requests: { cpu: "500m", memory: "64Mi" } },
    }),
);

const compare = container("compare", { inputs: { alone: number(), together: number() } }, (c) =>
  c.run({ image, command: ["echo", text`${c.inputs.alone} and ${c.inputs.together} tokens per second`] }),
);

const diamond = dag("diamond", { inputs: { model: string({ default: "smollm2" }) } }, (d) => {
  const started = d.task("start", start, { model: d.inputs.model });
  const alone = d.task("alone", measure, { url: started.outputs.url, streams: 1 });
  const together = d.task("together", measure, { url: started.outputs.url, streams: 16 });
  d.task("compare", compare, { alone: alone.outputs.rate, together: together.outputs.rate });
});

export default workflowTemplate("diamond", { entry: diamond, title: "A server, measured twice" });
