import {
  above,
  allFailed,
  allOf,
  anyOf,
  anySucceeded,
  artifact,
  atLeast,
  atMost,
  below,
  boolean,
  clusterWorkflowTemplate,
  configMap,
  container,
  cronWorkflow,
  type DagBody,
  dag,
  failed,
  field,
  finished,
  fromFile,
  is,
  isNot,
  listOf,
  mutex,
  number,
  oneOf,
  type Parameter,
  remote,
  resource,
  scratch,
  script,
  secret,
  semaphore,
  skipped,
  stdout,
  string,
  succeeded,
  supplied,
  suspend,
  type Task,
  text,
  thisRun,
  volume,
  workflow,
  workflowTemplate,
} from "../../src/argo/index.ts";

// Every word of the language, once: what it makes must pass the cluster's schema, `argo lint` and our own.

const hub = secret("hub", "token");
const slots = configMap("slots", "a10", "h100");
const settings = configMap("settings");
const models = volume("models", { persistentVolumeClaim: { claimName: "models", readOnly: true } });
const work = scratch("work", { size: "10Gi", accessModes: ["ReadWriteMany"], storageClass: "fss" });
const tolerations = [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" } as const];
const podSecurity = {
  runAsNonRoot: true,
  runAsUser: 1000,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

const everythingInAPod = container(
  "pod",
  {
    inputs: {
      pool: oneOf(["a10", "h100"], { default: "a10", description: "Which hardware" }),
      image: string(),
      tries: number({ default: 1 }),
      verbose: boolean({ default: false }),
      models: listOf(string(), { default: ["llama"] }),
      seconds: number({ default: 60 }),
      table: artifact("csv", "/in/table.csv"),
    },
    outputs: {
      rate: fromFile("/tmp/rate", number({ default: 0 })),
      said: stdout(),
      report: artifact("html", "/tmp/out.html", { archive: "none" }),
    },
  },
  (c) =>
    c.run({
      image: c.inputs.image,
      command: ["run", text`--tries=${c.inputs.tries}`, c.inputs.models],
      args: [c.inputs.verbose, c.files.table, c.files.rate, c.files.report, c.podName],
      env: {
        PLAIN: "yes",
        TOKEN: hub.key("token", { optional: true }),
        NODE: field("spec.nodeName"),
        LABEL: field("metadata.labels['app']"),
        CPUS: resource("limits.cpu", "1m"),
        RUN: thisRun.name,
      },
      workingDir: "/work",
      resources: {
        requests: { cpu: "500m", memory: "1Gi", "ephemeral-storage": "1Gi" },
        limits: { cpu: "2", memory: "2Gi", "nvidia.com/gpu": 1, "hugepages-2Mi": "4Mi" },
      },
      mounts: { "/models": { volume: models, readOnly: true, subPath: "llama" }, "/work": work },
      imagePullPolicy: "IfNotPresent",
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      serviceAccount: "bench",
      automountServiceAccountToken: true,
      nodeSelector: { "node.kubernetes.io/instance-type": "VM.GPU.A10.1", pool: c.inputs.pool },
      tolerations,
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      priorityClass: "high",
      podSecurity,
      podSpecPatch: { terminationGracePeriodSeconds: 5, containers: [{ name: "main" }] },
      labels: { pool: c.inputs.pool },
      annotations: { about: text`${c.inputs.pool} pool` },
      displayName: "pod",
      retry: {
        limit: 2,
        policy: "OnError",
        backoff: { first: "10s", factor: 2, longest: "5m" },
        onlyIf: "true",
      },
      deadline: c.inputs.seconds,
      timeout: "30m",
      locks: [mutex(text`pod-${c.inputs.pool}`, { namespace: "bench" }), semaphore(slots.key(c.inputs.pool))],
      memoize: { key: text`${c.inputs.pool}`, cache: "cache", maxAge: "24h" },
      archiveLogs: false,
      patch: {
        sidecars: [{ name: "log", image: "busybox:1.37", command: ["sh", "-c", "true"] }],
        metrics: {
          prometheus: [
            {
              name: "rate",
              help: "tokens per second",
              gauge: { value: "{{outputs.parameters.rate}}", realtime: false },
            },
          ],
        },
        container: { env: [{ name: "PLAIN", value: "no" }] },
      },
    }),
);

const say = script("say", { inputs: { what: string() }, outputs: { said: stdout() } }, (c) =>
  c.run({
    image: "busybox:1.37",
    command: ["sh"],
    source: text`echo one\necho ${c.inputs.what}\n`,
    env: { A: settings.name },
  }),
);

const approve = suspend("approve", {
  outputs: { approved: supplied(oneOf(["yes", "no"], { default: "no" })) },
});
const pause = suspend("pause", { duration: "1h30m" });
const makeTable = container("make-table", { outputs: { table: artifact("csv", "/tmp/table.csv") } }, (c) =>
  c.run({ image: "busybox:1.37", command: ["touch", c.files.table] }),
);
const end = container("end", { inputs: { status: string({ default: "" }) } }, (c) =>
  c.run({ image: "busybox:1.37", command: ["exit-as", c.inputs.status] }),
);
const finish = container("finish", { inputs: { model: string() } }, (c) =>
  c.run({ image: "busybox:1.37", command: ["echo", c.inputs.model, thisRun.status, thisRun.failures] }),
);

const inner = dag(
  "inner",
  {
    inputs: { pool: oneOf(["a10", "h100"]) },
    outputs: { rate: number({ default: 0 }), report: artifact("html") },
    parallelism: 3,
  },
  (d) => {
    d.hold(mutex("inner"), semaphore(slots.key(d.inputs.pool), { namespace: "bench" }));
    const table = d.task("table", makeTable);
    const ran = d.task("pod", everythingInAPod, {
      pool: d.inputs.pool,
      image: text`pod:${d.inputs.pool}`,
      models: ["llama", "mistral"],
      table: table.outputs.table,
    });
    return { rate: ran.outputs.rate, report: ran.outputs.report };
  },
);

const main = dag(
  "main",
  {
    inputs: {
      model: string({ default: "llama" }),
      full: boolean({ default: true }),
      count: number({ default: 3 }),
    },
    failFast: false,
    displayName: "everything",
  },
  (d) => {
    const first = d.task("first", say, { what: thisRun.uid });
    const approval = d.task("approve", approve, {}, { after: first });
    const waited = d
      .when(is(approval.outputs.approved, "yes"), above(d.inputs.count, 2))
      .task("pause", pause);
    const told = d
      .when(
        anyOf(
          below(d.inputs.count, 1),
          allOf(atLeast(d.inputs.count, 2), atMost(d.inputs.count, 9)),
          isNot(d.inputs.full, false),
        ),
      )
      .task("told", say, { what: first.outputs.said }, { after: [waited, finished(approval)] });
    d.when(succeeded(told)).task("only-then", say, { what: succeeded(told).outputs.said });
    d.when(anyOf(failed(first), skipped(told))).task("otherwise", end, {
      status: text`${finished(first).status} ${finished(told).status}`,
    });
    const pools = d.each(["a10", "h100"]);
    const each = pools.task("each", inner, { pool: pools.item }, { after: first });
    d.when(anySucceeded(each)).task("some", end);
    d.when(allFailed(each)).task("none", end);
    const pairs = d.each([
      { name: "one", weight: 1 },
      { name: "two", weight: 2 },
    ]);
    pairs.task("pairs", say, { what: text`${pairs.item.name} ${pairs.item.weight}` });
    d.task(
      "sum",
      say,
      { what: text`${each.outputs.rate}` },
      {
        onExit: (ended) => ended.run(end, { status: ended.status }),
        on: { started: (task) => task.when("Running").run(end, { status: "running" }) },
        patch: { withSequence: { count: "2" } },
      },
    );
  },
);

/** A part of a body, for any DAG that has a model to give. */
function sayTwice<Here>(
  d: DagBody<{ readonly model: Parameter<string, true> }, Here>,
  after: Task<unknown, Here>,
) {
  const once = d.task("once", say, { what: d.inputs.model }, { after });
  return d.task("twice", say, { what: once.outputs.said });
}

const shared = dag("shared", { inputs: { model: string({ default: "llama" }) } }, (d) => {
  const twice = sayTwice(d, d.task("first", say, { what: "hello" }));
  d.task("last", say, { what: twice.outputs.said });
});

export const parts = workflowTemplate("parts", { entry: shared });

export const template = workflowTemplate("everything", {
  entry: main,
  onExit: finish,
  namespace: "bench",
  title: "Everything",
  description: "Every word of the language",
  labels: { app: "bench" },
  annotations: { owner: "us" },
  serviceAccount: "bench",
  automountServiceAccountToken: true,
  deadline: "12h",
  keep: { afterSuccess: "24h", afterFailure: "168h", afterEnd: "200h" },
  podGC: "OnPodSuccess",
  locks: [mutex("everything"), semaphore(settings.key("runs"))],
  parallelism: 10,
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations,
  affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  imagePullSecrets: ["registry"],
  podSecurity,
  podSpecPatch: { initContainers: [{ name: "init" }], enableServiceLinks: false },
  podLabels: { app: "bench" },
  runLabels: { app: "bench" },
  archiveLogs: false,
  suspend: false,
  patch: { hostNetwork: false, artifactGC: { strategy: "OnWorkflowDeletion" } },
});

export const cluster = clusterWorkflowTemplate("shared", {
  entry: dag("main", {}, (d) => void d.task("say", say, { what: "hello" })),
});

export const run = workflow("everything-once", {
  of: template,
  namespace: "bench",
  arguments: { model: "mistral", count: 2 },
  priority: 3,
});

export const inline = workflow(
  { generateName: "inline-" },
  {
    namespace: "bench",
    entry: dag("main", {}, (d) => {
      d.task("far", remote(say, { in: "shared", clusterScope: true }), { what: "hello" });
      d.task("near", remote(say, { in: "everything" }), { what: "hello" });
    }),
  },
);

export const nightly = cronWorkflow(
  "everything-nightly",
  {
    schedules: ["0 2 * * 1-5", "30 3 * * sat,sun"],
    timezone: "Europe/Berlin",
    concurrency: "Forbid",
    history: { succeeded: 3, failed: 10 },
    suspend: true,
    startingDeadlineSeconds: 600,
    patchCron: { when: "true" },
  },
  { of: template, namespace: "bench", arguments: {}, runLabels: { by: "cron" } },
);
