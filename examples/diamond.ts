import { container, dag, fromFile, number, string, text, workflowTemplate } from "../src/argo/index.ts";

// Two measurements of one server, side by side, and a comparison of both.

const image = "alpine:3.22";

const start = container(
  "start",
  { inputs: { model: string() }, outputs: { url: fromFile("/tmp/url") } },
  (c) =>
    c.run({
      image,
      command: ["sh", "-c", text`echo "http://$MODEL:8000" > ${c.files.url}`],
      // A value in a shell's text would be read as part of the program; in the environment it is only a value.
      env: { MODEL: c.inputs.model },
    }),
);

const measure = container(
  "measure",
  { inputs: { url: string(), streams: number() }, outputs: { rate: fromFile("/tmp/rate", number()) } },
  (c) =>
    c.run({
      image,
      command: ["sh", "-c", text`echo "$URL with $STREAMS streams" && echo 42 > ${c.files.rate}`],
      env: { URL: c.inputs.url, STREAMS: c.inputs.streams },
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
