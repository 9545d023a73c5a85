import {
  artifact,
  configMap,
  container,
  fromFile,
  listOf,
  number,
  oneOf,
  secret,
  string,
  text,
} from "../../../src/argo/index.ts";

// What the mistakes are made with.
export const deploy = container(
  "deploy",
  { inputs: { model: string(), precision: oneOf(["fp16", "fp8"]) }, outputs: { url: fromFile("/tmp/url") } },
  (c) => c.run({ image: "deploy:1", command: ["deploy", c.inputs.model, c.inputs.precision] }),
);

export const measure = container(
  "measure",
  {
    inputs: { url: string(), requests: number({ default: 10 }) },
    outputs: {
      rate: fromFile("/tmp/rate", number()),
      note: fromFile("/tmp/note", string({ default: "none" })),
      report: artifact("html", "/tmp/report.html"),
    },
  },
  (c) => c.run({ image: "measure:1", command: ["measure", text`--n=${c.inputs.requests}`, c.inputs.url] }),
);

export const judge = container(
  "judge",
  { inputs: { rate: number(), rates: listOf(number(), { default: [] }) } },
  (c) => c.run({ image: "judge:1", command: ["judge", text`${c.inputs.rate}`, c.inputs.rates] }),
);

export const publish = container("publish", { inputs: { table: artifact("csv", "/in/table.csv") } }, (c) =>
  c.run({ image: "publish:1", command: ["publish", c.files.table] }),
);

export const teardown = container("teardown", { inputs: { status: string() } }, (c) =>
  c.run({ image: "teardown:1", command: ["teardown", c.inputs.status] }),
);

export const hub = secret("hub", "token");
export const slots = configMap("slots", "a10", "h100");
