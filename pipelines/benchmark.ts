import {
  artifact,
  configMap,
  container,
  dag,
  fromFile,
  type PodOutputs,
  semaphore,
  string,
  workflow,
  workflowTemplate,
} from "../src/argo/index.ts";
import type { StepPlace } from "../src/config/plan.ts";
import { taskNames } from "../src/servers/kubernetes-names.ts";
import { slotsConfigMap } from "./config-map.ts";
import { accounts, type ClusterRun, runSlots } from "./names.ts";
import { cellsOf, partName } from "./parts.ts";
import { places, runSpec, type StepPod, stepPod } from "./pods.ts";

const runInput = () => string({ default: "", description: runWords });
const runWords = "Name of the run. Empty: the workflow's own. The name of an earlier run goes on with it.";

/** An output of a step. A step that failed has none, and its node must still say why it failed. */
const output = (name: string) => fromFile(`${places.outputs}/${name}`, string({ default: "" }));

/**
 * The workflow of a config: every cell, as many at a time as its pool has room for, each taken down whatever happens. A
 * config with more cells than one DAG may have tasks has several, `part` by `part`, which run into one run folder.
 */
export function benchmark(plan: ClusterRun, part = 1) {
  const run = runInput();

  const prepare = container("prepare", { inputs: { run } }, (c) =>
    c.run(stepPod(plan, { step: "prepare", run: c.inputs.run, account: accounts.prepare })),
  );

  const deploy = container(
    "deploy",
    { inputs: { run: string(), cell: string() }, outputs: { server: output("server") } },
    (c) =>
      c.run(
        stepPod(plan, {
          step: "deploy",
          run: c.inputs.run,
          params: { cell: c.inputs.cell },
          account: accounts.server,
        }),
      ),
  );

  /** A step that takes the server and may hand it on. */
  const onServer = <O extends PodOutputs>(
    name: string,
    outputs: O,
    how: Partial<Pick<StepPod<never>, "account" | "client" | "room">> = {},
  ) =>
    container(name, { inputs: { run: string(), server: string() }, outputs }, (c) =>
      c.run(
        stepPod(plan, {
          step: name,
          run: c.inputs.run,
          params: { server: c.inputs.server },
          account: accounts.server,
          ...how,
        }),
      ),
    );

  const waitHealthy = onServer("wait-healthy", {
    server: output("server"),
    firstCompletionMs: output("firstCompletionMs"),
  });
  const warmup = onServer("warmup", { server: output("server") });
  const sweep = container(
    "sweep",
    {
      inputs: { run: string(), cell: string(), server: string() },
      outputs: {
        server: output("server"),
        outputTokensPerSecond: output("outputTokensPerSecond"),
        ttftMs: output("ttftMs"),
        verdict: output("verdict"),
        headline: output("headline"),
      },
    },
    (c) =>
      c.run({
        ...stepPod(plan, {
          step: "sweep",
          run: c.inputs.run,
          params: { server: c.inputs.server },
          account: accounts.server,
          client: true,
        }),
        // Also an output of the workflow, by the cell's name: `argo get` shows those and no node's.
        patch: { outputs: { parameters: [{ name: "headline", globalName: "{{inputs.parameters.cell}}" }] } },
      }),
  );
  /** Steps of plugins, by the step that they come after. They have the rights of any other that takes the server. */
  const added = (plan.steps ?? []).map(({ name, after, outputs, resources: room }) => ({
    name,
    after,
    template: onServer(
      name,
      {
        ...Object.fromEntries(outputs.map((each) => [each, output(each)])),
        server: output("server"),
      },
      { room },
    ),
  }));

  const profile = onServer(
    "profile",
    { report: output("report") },
    { account: accounts.profile, client: true },
  );

  const copyProfile = container(
    "copy-profile",
    {
      inputs: { run: string(), report: string() },
      outputs: { gpuBusyShare: output("gpuBusyShare"), topKernel: output("topKernel") },
    },
    (c) =>
      c.run(
        stepPod(plan, {
          step: "copy-profile",
          run: c.inputs.run,
          params: { report: c.inputs.report },
          account: accounts.teardown,
          client: true,
        }),
      ),
  );

  // One pod, which fails if its cell did: a teardown that succeeded would keep `argo retry` from running it again.
  const teardown = container(
    "teardown",
    { inputs: { run: string(), cell: string(), status: string() } },
    (c) =>
      c.run(
        stepPod(plan, {
          step: "teardown",
          run: c.inputs.run,
          params: { cell: c.inputs.cell, status: c.inputs.status },
          words: ["--fail-unless-succeeded", c.inputs.status],
          account: accounts.teardown,
          triedAgain: false,
        }),
      ),
  );

  const finish = finishOf(plan, run);

  const slots = configMap(slotsConfigMap(plan).name, ...Object.keys(plan.cluster.pools));

  const cell = dag(
    "cell",
    {
      inputs: { run: string(), cell: string(), pool: string() },
      outputs: { outputTokensPerSecond: string(), ttftMs: string(), verdict: string() },
    },
    (d) => {
      d.hold(semaphore(slots.key(d.inputs.pool)));
      const { run } = d.inputs;
      const deployed = d.task("deploy", deploy, { run, cell: d.inputs.cell });
      const healthy = d.task("wait-healthy", waitHealthy, { run, server: deployed.outputs.server });
      /** The server, once the steps have had it that plugins put there, one after the other. */
      const after = (place: StepPlace, server: typeof healthy.outputs.server) =>
        added
          .filter((each) => each.after === place)
          .reduce(
            (handed, each) => d.task(each.name, each.template, { run, server: handed }).outputs.server,
            server,
          );
      const warm = d.task("warmup", warmup, { run, server: after("wait-healthy", healthy.outputs.server) });
      const swept = d.task("sweep", sweep, {
        run,
        cell: d.inputs.cell,
        server: after("warmup", warm.outputs.server),
      });
      const server = after("sweep", swept.outputs.server);
      if (plan.profiling !== undefined) {
        const profiled = d.task("profile", profile, { run, server });
        d.task("copy-profile", copyProfile, { run, report: profiled.outputs.report });
      }
      const { outputTokensPerSecond, ttftMs, verdict } = swept.outputs;
      return { outputTokensPerSecond, ttftMs, verdict };
    },
  );

  const names = taskNames(plan.cells.map(({ id }) => id));

  const everyCell = dag("benchmark", { inputs: { run }, failFast: false }, (d) => {
    const { run } = d.inputs;
    const ready = d.task("prepare", prepare, { run });
    for (const { id, pool } of cellsOf(plan, part)) {
      d.task(
        names.get(id) ?? id,
        cell,
        { run, cell: id, pool },
        {
          after: ready,
          onExit: (ended) => ended.run(teardown, { run, cell: id, status: ended.status }),
        },
      );
    }
  });

  return workflowTemplate(partName(plan, part), {
    ...runSpec(plan),
    entry: everyCell,
    onExit: finish,
    title: plan.name,
    description: describe(plan),
    serviceAccount: accounts.prepare,
    locks: [semaphore(configMap(runSlots.configMap, runSlots.key).key(runSlots.key))],
    ...(plan.cluster.artifacts === undefined ? {} : { patch: repositoryOf(plan.cluster.artifacts) }),
  });
}

/** Last of all; gives the report to the artifact repository where the config has one. */
function finishOf(plan: ClusterRun, run: ReturnType<typeof runInput>) {
  const pod = { step: "finish", account: accounts.teardown, triedAgain: false } as const;
  const words = ["--fail-on-leftovers"];
  if (plan.cluster.artifacts === undefined)
    return container("finish", { inputs: { run } }, (c) =>
      c.run(stepPod(plan, { ...pod, run: c.inputs.run, words })),
    );
  // As it is, and with a name that ends in .html: only then does the Argo UI show it in place.
  const report = artifact("html", places.report, { archive: "none" });
  return container("finish", { inputs: { run }, outputs: { report } }, (c) =>
    c.run({
      ...stepPod(plan, {
        ...pod,
        run: c.inputs.run,
        words: [...words, "--copy", `report=${c.files.report}`],
      }),
      // A finish that could write no report must say why, not that its artifact is missing.
      patch: { outputs: { artifacts: [{ name: "report", optional: true }] } },
    }),
  );
}

/** Which artifact repository Argo takes; without a name it looks for its own default. */
function repositoryOf({ configMap, key }: NonNullable<ClusterRun["cluster"]["artifacts"]>) {
  if (configMap === undefined && key === undefined) return {};
  return {
    artifactRepositoryRef: {
      ...(configMap === undefined ? {} : { configMap }),
      ...(key === undefined ? {} : { key }),
    },
  };
}

/** A run of it by hand: `argo submit run.yaml`. */
export function benchmarkRun(plan: ClusterRun, part = 1) {
  return workflow(
    { generateName: `${partName(plan, part)}-` },
    {
      of: benchmark(plan, part),
      namespace: plan.cluster.namespace,
      title: plan.name,
      description: describe(plan),
    },
  );
}

function describe(plan: ClusterRun): string {
  const variants = [...new Set(plan.cells.map(({ variant }) => variant))].join(", ");
  const models = [...new Set(plan.cells.map(({ model }) => model.id))].join(", ");
  return plan.description ?? `${variants} with ${models}`;
}
