import {
  boolean,
  container,
  dag,
  failed,
  finished,
  fromFile,
  is,
  secret,
  string,
  succeeded,
  text,
  thisRun,
  workflowTemplate,
} from "../src/argo/index.ts";

// What runs only sometimes: a profile that is asked for, an alarm when something failed, a copy of what is there.

const image = "ghcr.io/example/bench:1.0.0";
const pager = secret("pager", "url");

const sweep = container("sweep", { outputs: { verdict: fromFile("/tmp/verdict") } }, (c) =>
  c.run({
    image,
    command: ["bench", "sweep"],
    retry: {
      limit: 3,
      policy: "Always",
      backoff: { first: "10s", factor: 2, longest: "5m" },
      onlyIf: "asInt(lastRetry.exitCode) != 75",
    },
  }),
);

const profile = container("profile", { outputs: { folder: fromFile("/tmp/folder") } }, (c) =>
  c.run({ image, command: ["bench", "profile"], timeout: "30m" }),
);

const copy = container("copy", { inputs: { folder: string() } }, (c) =>
  c.run({ image, command: ["bench", "copy", c.inputs.folder] }),
);

// It ends as what it is about ended: if it succeeded, `argo retry` would leave the failed sweep as it is.
const alarm = container("alarm", { inputs: { about: string(), status: string() } }, (c) =>
  c.run({
    image,
    command: [
      "bench",
      "page",
      text`${c.inputs.about} of ${thisRun.name}`,
      text`--exit-as=${c.inputs.status}`,
    ],
    env: { PAGER_URL: pager.key("url") },
  }),
);

const report = container("report", { inputs: { status: string() } }, (c) =>
  c.run({ image, command: ["bench", "report", c.inputs.status] }),
);

const main = dag(
  "main",
  { inputs: { profiled: boolean({ default: false, description: "Profile as well" }) } },
  (d) => {
    const swept = d.task("sweep", sweep);
    const profiled = d.when(is(d.inputs.profiled, true)).task("profile", profile, {}, { after: swept });

    // Its output is there only if the task ran, and this task runs only then.
    const ran = succeeded(profiled);
    d.when(ran).task("copy", copy, { folder: ran.outputs.folder });

    d.when(failed(swept)).task("alarm", alarm, { about: "sweep", status: finished(swept).status });
    d.task("report", report, { status: finished(swept).status });
  },
);

export default workflowTemplate("conditions", { entry: main, serviceAccount: "bench" });
