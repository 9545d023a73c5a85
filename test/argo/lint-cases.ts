import { parse } from "yaml";
import type { ArgoObject, Manifest, Place } from "../../src/argo/index.ts";

/** Manifests in which one rule finds something, in these places, and no other rule finds anything but those named. */
interface Case {
  readonly manifests: readonly Manifest[];
  readonly places: readonly Omit<Place, "manifest" | "at">[];
  /** Other rules that this cannot but set off as well. */
  readonly beside?: readonly string[];
}

const manifest = (
  kind: ArgoObject["kind"],
  spec: object,
  metadata: object = { name: "bench" },
): Manifest => ({
  object: { apiVersion: "argoproj.io/v1alpha1", kind, metadata, spec } as ArgoObject,
  inputs: {},
  templates: [],
  site: { line: () => undefined },
});

/** Templates that the cases run. */
const pods = parse(`
- { name: step, container: { name: main, image: busybox, command: ["true"] } }
- name: greet
  inputs: { parameters: [{ name: whom }] }
  container: { name: main, image: busybox, command: [echo, "{{inputs.parameters.whom}}"] }
- name: judge
  inputs: { parameters: [{ name: status }] }
  container: { name: main, image: busybox, command: [exit-as, "{{inputs.parameters.status}}"] }
- name: make
  outputs: { parameters: [{ name: made, valueFrom: { path: /tmp/made } }] }
  container: { name: main, image: busybox, command: ["true"] }
- name: retried
  retryStrategy: { limit: "2" }
  container: { name: main, image: busybox, command: ["true"] }
- { name: inner, dag: { tasks: [{ name: only, template: step }] } }
`) as readonly { name: string }[];

interface Spec {
  templates?: readonly { name: string }[];
  [field: string]: unknown;
}

/** A WorkflowTemplate: the tasks of its DAG `main`, and what else its spec says. */
const tasks = (yaml: string, more: Spec = {}): Manifest =>
  template({
    ...more,
    templates: [{ name: "main", dag: { tasks: parse(yaml) as object } } as never, ...(more.templates ?? [])],
  });

const template = (spec: Spec, metadata?: object): Manifest =>
  manifest(
    "WorkflowTemplate",
    { entrypoint: "main", ...spec, templates: [...(spec.templates ?? []), ...pods] },
    metadata,
  );

/** A WorkflowTemplate of one pod, with these fields. */
const pod = (yaml: string, spec: Spec = {}): Manifest => {
  const fields = parse(yaml) as object;
  const container = { name: "main", image: "busybox", command: ["true"] };
  const kind = ["script", "dag", "suspend"].some((each) => each in fields) ? {} : { container };
  const merged =
    "container" in fields
      ? { ...fields, container: { ...container, ...(fields.container as object) } }
      : { ...kind, ...fields };
  return template({ ...spec, templates: [{ name: "main", ...merged }] });
};

const cron = (yaml: string, workflowSpec: object = { workflowTemplateRef: { name: "bench" } }): Manifest =>
  manifest(
    "CronWorkflow",
    {
      schedules: ["0 2 * * *"],
      timezone: "Europe/Berlin",
      concurrencyPolicy: "Forbid",
      failedJobsHistoryLimit: 9,
      ...(parse(yaml) as object),
      workflowSpec,
    },
    { name: "nightly" },
  );

const one = (bad: Manifest, ...places: Case["places"]): Case => ({ manifests: [bad], places });
const beside = (rules: readonly string[], bad: Manifest, ...places: Case["places"]): Case => ({
  ...one(bad, ...places),
  beside: rules,
});
const inMain = (task: string, field?: string) => ({
  template: "main",
  task,
  ...(field === undefined ? {} : { field }),
});

const simple = tasks("[{ name: a, template: step }]");
const wanting = tasks("[{ name: a, template: step }]", { arguments: { parameters: [{ name: "model" }] } });
const told = 'arguments: { parameters: [{ name: status, value: "{{tasks.a.status}}" }] }';
const again: object = parse(`
name: again
retryStrategy: { limit: "2", retryPolicy: OnError }
inputs: { parameters: [{ name: status }] }
container: { image: busybox, command: [x, "{{inputs.parameters.status}}"] }
`);
const holding = (lock: string): never =>
  ({ ...(parse(lock) as object), container: { image: "busybox", command: ["true"] } }) as never;
const holdsSemaphore = holding(
  "{ name: locked, synchronization: { semaphores: [{ configMapKeyRef: { name: slots, key: a10 } }] } }",
);
const longName = "a-name-that-goes-on-and-on-until-nobody-can-read-it-to-its-end";

export const bad: Readonly<Record<string, readonly Case[]>> = {
  "unknown-template": [
    one(tasks("[{ name: a, template: gone }]"), inMain("a", "template")),
    one(
      tasks(`[{ name: a, template: step, hooks: { exit: { template: gone, ${told} } } }]`),
      inMain("a", "hooks.exit.template"),
    ),
    one(tasks("[{ name: a, template: step }]", { onExit: "gone" }), { field: "spec.onExit" }),
    {
      manifests: [simple, manifest("Workflow", { workflowTemplateRef: { name: "bench" }, onExit: "gone" })],
      places: [{ field: "spec.onExit" }],
    },
    {
      manifests: [
        simple,
        manifest(
          "WorkflowTemplate",
          parse(`
            entrypoint: main
            templates: [{ name: main, dag: { tasks: [{ name: a, templateRef: { name: bench, template: gone } }] } }]
          `) as object,
          { name: "other" },
        ),
      ],
      places: [inMain("a", "templateRef")],
    },
  ],
  "missing-input": [
    one(tasks("[{ name: a, template: greet }]"), inMain("a", "arguments")),
    one(
      tasks(`[{ name: a, template: step, hooks: { exit: { template: judge2, ${told} } } }]`, {
        templates: parse(`
          - name: judge2
            inputs: { parameters: [{ name: status }, { name: cell }] }
            container: { image: busybox, command: [x, "{{inputs.parameters.status}}", "{{inputs.parameters.cell}}"] }
        `) as never,
      }),
      inMain("a", "hooks.exit.arguments"),
    ),
    one(tasks("[{ name: a, template: step }]", { onExit: "greet" }), { field: "spec.onExit" }),
  ],
  "unknown-argument": [
    one(
      tasks("[{ name: a, template: step, arguments: { parameters: [{ name: x, value: y }] } }]"),
      inMain("a", "arguments"),
    ),
    {
      manifests: [
        simple,
        manifest("Workflow", {
          workflowTemplateRef: { name: "bench" },
          arguments: { parameters: [{ name: "x", value: "y" }] },
        }),
      ],
      places: [{ field: "spec.arguments" }],
    },
  ],
  "missing-argument": [
    {
      manifests: [wanting, manifest("Workflow", { workflowTemplateRef: { name: "bench" } })],
      places: [{ field: "spec.arguments" }],
    },
    { manifests: [wanting, cron("{}")], places: [{ field: "spec.arguments" }] },
  ],
  "unused-input": [
    one(pod("inputs: { parameters: [{ name: whom, default: x }] }"), {
      template: "main",
      field: "inputs.parameters.whom",
    }),
  ],
  "unknown-reference": [
    one(pod('container: { args: ["{{inputs.parameters.whom}}"] }'), {
      template: "main",
      field: "container.args.0",
    }),
    one(pod('container: { args: ["{{workflow.parameters.typo}}"] }'), {
      template: "main",
      field: "container.args.0",
    }),
    one(pod("container: { args: [\"{{= inputs.parameters['whom'] + '!' }}\"] }"), {
      template: "main",
      field: "container.args.0",
    }),
    one(
      tasks(
        '[{ name: a, template: make }, { name: b, template: greet, depends: a, arguments: { parameters: [{ name: whom, value: "{{tasks.a.outputs.parameters.maid}}" }] } }]',
      ),
      inMain("b", "arguments.parameters.whom.value"),
    ),
    one(
      tasks('[{ name: a, template: greet, arguments: { parameters: [{ name: whom, value: "{{item}}" }] } }]'),
      inMain("a", "arguments.parameters.whom.value"),
    ),
    one(
      tasks(
        '[{ name: a, template: step, hooks: { exit: { template: judge, arguments: { parameters: [{ name: status, value: "{{tasks.a.status}} {{tasks.gone.status}}" }] } } } }]',
      ),
      inMain("a", "hooks.exit.arguments.parameters.status.value"),
    ),
  ],
  "reference-without-dependency": [
    one(
      tasks(
        '[{ name: a, template: make }, { name: b, template: greet, arguments: { parameters: [{ name: whom, value: "{{tasks.a.outputs.parameters.made}}" }] } }]',
      ),
      inMain("b", "arguments.parameters.whom.value"),
    ),
  ],
  "foreign-braces": [
    one(pod("script: { name: main, image: busybox, command: [sh], source: 'echo {{ message.role }}' }"), {
      template: "main",
      field: "script.source",
    }),
  ],
  "open-braces": [
    one(pod("container: { args: ['{{ never closed'] }"), { template: "main", field: "container.args.0" }),
  ],
  "end-facts-too-early": [
    one(pod('container: { args: ["{{workflow.failures}}"] }'), {
      template: "main",
      field: "container.args.0",
    }),
  ],
  "output-may-be-absent": [
    one(
      tasks(`
        - { name: a, template: make, when: "1 == 2" }
        - { name: b, template: greet, depends: a, arguments: { parameters: [{ name: whom, value: "{{tasks.a.outputs.parameters.made}}" }] } }
      `),
      inMain("b", "arguments.parameters.whom.value"),
    ),
  ],
  "output-of-failed-task": [
    one(
      tasks(`
        - { name: a, template: make }
        - { name: b, template: judge, depends: a.Succeeded || a.Failed, arguments: { parameters: [{ name: status, value: "{{tasks.a.status}} {{tasks.a.outputs.parameters.made}}" }] } }
      `),
      inMain("b", "arguments.parameters.status.value"),
    ),
  ],
  "unknown-dependency": [
    one(tasks("[{ name: a, template: step, depends: gone }]"), inMain("a", "depends")),
    one(
      tasks("[{ name: a, template: step }, { name: b, template: step, depends: a.Suceeded }]"),
      inMain("b", "depends"),
    ),
    one(
      tasks("[{ name: a, template: step }, { name: b, template: step, depends: a.AnySucceeded }]"),
      inMain("b", "depends"),
    ),
    one(
      tasks("[{ name: a, template: step }, { name: b, template: step, depends: (a }]"),
      inMain("b", "depends"),
    ),
  ],
  "dependency-cycle": [
    one(
      tasks("[{ name: a, template: step, depends: b }, { name: b, template: step, depends: a }]"),
      inMain("a", "depends"),
      inMain("b", "depends"),
    ),
  ],
  "mixed-dependencies": [
    one(
      tasks(
        "[{ name: a, template: step, continueOn: { failed: true } }, { name: b, template: step, depends: a }]",
      ),
      inMain("a", "continueOn"),
    ),
  ],
  "retry-blocked": [
    one(
      tasks(`
        - { name: a, template: step }
        - { name: report, template: step, depends: a.Succeeded || a.Failed || a.Errored }
        - { name: b, template: step, depends: a }
      `),
      inMain("report", "depends"),
    ),
    // Through a task that is omitted in between.
    one(
      tasks(`
        - { name: a, template: step }
        - { name: b, template: step, depends: a }
        - { name: c, template: step, depends: a }
        - { name: last, template: step, depends: b.Succeeded || b.Omitted }
      `),
      inMain("last", "depends"),
    ),
  ],
  "failure-hidden": [
    beside(
      ["retry-blocked"],
      tasks(`
        - { name: a, template: inner }
        - { name: b, template: judge, depends: a.Succeeded || a.Failed, arguments: { parameters: [{ name: status, value: "{{tasks.a.finishedAt}}" }] } }
      `),
      inMain("a"),
    ),
  ],
  "exit-hook-ignores-status": [
    one(
      tasks("[{ name: a, template: inner, hooks: { exit: { template: step } } }]"),
      inMain("a", "hooks.exit"),
    ),
  ],
  "exit-hook-of-several-pods": [
    one(
      tasks(`[{ name: a, template: step, hooks: { exit: { template: cleanup, ${told} } } }]`, {
        templates: parse(`
          - name: cleanup
            inputs: { parameters: [{ name: status }] }
            dag: { tasks: [{ name: b, template: judge, arguments: { parameters: [{ name: status, value: "{{inputs.parameters.status}}" }] } }] }
        `) as never,
      }),
      inMain("a", "hooks.exit"),
    ),
  ],
  "exit-hook-may-not-run": [
    one(
      tasks(
        `[{ name: a, template: step, hooks: { exit: { template: judge, ${told} } } }, { name: b, template: step, depends: a }]`,
      ),
      inMain("a", "hooks.exit"),
    ),
    one(
      tasks("[{ name: x, template: nested }]", {
        templates: [
          {
            name: "nested",
            dag: {
              tasks: parse(
                `[{ name: a, template: step, hooks: { exit: { template: judge, ${told} } } }]`,
              ) as object,
            },
          } as never,
        ],
      }),
      { template: "nested", task: "a", field: "hooks.exit" },
    ),
  ],
  "exit-hook-and-retry": [
    beside(
      ["exit-hook-may-not-run"],
      tasks(`
        - { name: a, template: retried, hooks: { exit: { template: judge, ${told} } } }
        - { name: b, template: step, depends: a }
      `),
      inMain("a", "hooks.exit"),
    ),
  ],
  "exit-hook-tried-again": [
    one(
      tasks(`[{ name: a, template: nested, hooks: { exit: { template: again, ${told} } } }]`, {
        templates: [
          parse("{ name: nested, dag: { tasks: [{ name: b, template: step }] } }") as never,
          again as never,
        ],
      }),
      inMain("a", "hooks.exit"),
    ),
  ],
  "exit-handler-past-deadline": [
    one(tasks("[{ name: a, template: step }]", { activeDeadlineSeconds: 60, onExit: "retried" }), {
      field: "spec.onExit",
    }),
    one(
      tasks(`[{ name: a, template: step, hooks: { exit: { template: again, ${told} } } }]`, {
        activeDeadlineSeconds: 60,
        templates: [again as never],
      }),
      inMain("a", "hooks.exit"),
    ),
    // The deadline is the Workflow's, the handler its template's.
    {
      manifests: [
        tasks("[{ name: a, template: step }]", { onExit: "retried" }),
        manifest("Workflow", { workflowTemplateRef: { name: "bench" }, activeDeadlineSeconds: 60 }),
      ],
      places: [{ field: "spec.onExit" }],
    },
  ],
  "exit-hook-display-name": [
    one(
      tasks(`[{ name: a, template: step, hooks: { exit: { template: named, ${told} } } }]`, {
        templates: parse(`
          - name: named
            annotations: { workflows.argoproj.io/display-name: bye }
            inputs: { parameters: [{ name: status }] }
            container: { image: busybox, command: [x, "{{inputs.parameters.status}}"] }
        `) as never,
      }),
      inMain("a", "hooks.exit"),
    ),
  ],
  "hook-may-be-lost": [
    one(
      tasks(`
        - { name: a, template: step, hooks: { started: { template: step, expression: 'tasks["a"].status == "Running"' } } }
        - { name: b, template: step, depends: a }
      `),
      inMain("a", "hooks.started"),
    ),
  ],
  "retry-for-all": [
    one(tasks("[{ name: a, template: step }]", { retryStrategy: { limit: "1" } }), {
      field: "spec.retryStrategy",
    }),
  ],
  "retry-of-dag": [
    one(pod("{ dag: { tasks: [{ name: a, template: step }] }, retryStrategy: { limit: '1' } }"), {
      template: "main",
      field: "retryStrategy",
    }),
  ],
  "retry-without-limit": [
    one(pod("retryStrategy: { retryPolicy: Always }"), { template: "main", field: "retryStrategy.limit" }),
  ],
  "daemon-not-restarted": [one(pod("daemon: true"), { template: "main", field: "daemon" })],
  "no-command": [one(pod("container: { command: [] }"), { template: "main", field: "container.command" })],
  "unknown-volume": [
    one(pod("container: { volumeMounts: [{ name: data, mountPath: /data }] }"), {
      template: "main",
      field: "container.volumeMounts.data",
    }),
  ],
  "mount-clash": [
    one(
      pod(
        "{ script: { name: main, image: x, command: [sh], source: ls, volumeMounts: [{ name: a, mountPath: /data }, { name: b, mountPath: /data/ }] }, volumes: [{ name: a, emptyDir: {} }, { name: b, emptyDir: {} }] }",
      ),
      { template: "main", field: "script.volumeMounts" },
    ),
  ],
  "requests-over-limits": [
    one(
      pod(
        "container: { resources: { requests: { cpu: '2', memory: 1Gi }, limits: { cpu: 500m, memory: 1024Mi } } }",
      ),
      {
        template: "main",
        field: "container.resources.requests.cpu",
      },
    ),
  ],
  "extended-resource-without-limit": [
    one(pod("container: { resources: { requests: { nvidia.com/gpu: '1' } } }"), {
      template: "main",
      field: "container.resources.limits.nvidia.com/gpu",
    }),
  ],
  "duplicate-env": [
    one(pod("container: { env: [{ name: A, value: x }, { name: A, value: y }] }"), {
      template: "main",
      field: "container.env.A",
    }),
  ],
  "wrong-kind-of-template": [
    one(pod("{ dag: { tasks: [{ name: a, template: step }] }, activeDeadlineSeconds: 10 }"), {
      template: "main",
      field: "activeDeadlineSeconds",
    }),
    one(pod("parallelism: 2"), { template: "main", field: "parallelism" }),
    one(pod("{ container: {}, suspend: {} }"), { template: "main" }),
  ],
  "bad-pod-patch": [one(pod("podSpecPatch: '{ not: [closed'"), { template: "main", field: "podSpecPatch" })],
  "no-token-for-executor": [
    one(pod("automountServiceAccountToken: false"), {
      template: "main",
      field: "automountServiceAccountToken",
    }),
  ],
  "bad-name": [
    one(template(simple.object.spec as object as Spec, { name: "Bench_1" }), { field: "metadata.name" }),
    one(manifest("CronWorkflow", cron("{}").object.spec, { name: longName.slice(0, 53) }), {
      field: "metadata.name",
    }),
    one(tasks("[{ name: a.b, template: step }]"), inMain("a.b")),
  ],
  "name-cut-off": [
    one(manifest("Workflow", { workflowTemplateRef: { name: "bench" } }, { generateName: `${longName}-` }), {
      field: "metadata",
    }),
  ],
  "same-manifest-name": [
    { manifests: [simple, tasks("[{ name: b, template: step }]")], places: [{ field: "metadata.name" }] },
  ],
  "template-name-case": [
    one(
      template({
        templates: [
          { name: "main", container: { name: "main", image: "x", command: ["y"] } } as never,
          { name: "Step2", container: { name: "main", image: "x", command: ["y"] } } as never,
        ],
      }),
      { template: "Step2" },
    ),
  ],
  "task-name-reserved": [
    one(tasks("[{ name: not, template: step }, { name: b, template: step, depends: not }]"), inMain("not")),
    one(tasks("[{ name: 1st, template: step }, { name: b, template: step, depends: 1st }]"), inMain("1st")),
  ],
  "bad-label": [
    one(template(simple.object.spec as object as Spec, { name: "bench", labels: { about: "two words" } }), {
      field: "metadata.labels.about",
    }),
  ],
  "too-many": [
    one(
      tasks(
        JSON.stringify(Array.from({ length: 201 }, (_, index) => ({ name: `t${index}`, template: "step" }))),
      ),
      { template: "main", field: "dag.tasks" },
    ),
  ],
  "too-big": [one(pod(`container: { args: [${"x".repeat(1.6 * 2 ** 20)}] }`), {})],
  "little-room-for-status": [one(pod(`container: { args: [${"x".repeat(2 ** 20)}] }`), {})],
  "empty-dag": [one(pod("dag: { tasks: [] }"), { template: "main", field: "dag.tasks" })],
  "priority-ignored": [
    one(tasks("[{ name: a, template: step }]", { priority: 3 }), { field: "spec.priority" }),
  ],
  "artifact-without-source": [
    one(pod("inputs: { artifacts: [{ name: table, path: /in }] }"), {
      field: "spec.arguments.artifacts.table",
    }),
  ],
  "lock-waits-for-itself": [
    one(
      tasks("[{ name: a, template: locked }]", {
        synchronization: { mutexes: [{ name: "gpu" }] },
        templates: parse(
          "[{ name: locked, synchronization: { mutexes: [{ name: gpu }] }, container: { image: x, command: [y] } }]",
        ) as never,
      }),
      { template: "locked", field: "synchronization" },
    ),
  ],
  "locks-of-two-kinds": [
    one(
      tasks("[{ name: a, template: locked }]", {
        synchronization: { mutexes: [{ name: "one-run" }] },
        templates: [holdsSemaphore],
      }),
      { template: "locked", field: "synchronization" },
    ),
    one(
      tasks("[{ name: a, template: locked }, { name: b, template: alone }]", {
        templates: [
          holdsSemaphore,
          holding("{ name: alone, synchronization: { mutexes: [{ name: gpu }] } }"),
        ],
      }),
      { template: "locked", field: "synchronization" },
      { template: "alone", field: "synchronization" },
    ),
  ],
  "bad-schedule": [
    one(cron("schedules: ['0 25 * * *']"), { field: "spec.schedules" }),
    one(cron("schedules: ['0 2 * *']"), { field: "spec.schedules" }),
    one(cron("timezone: Europe/Berlim"), { field: "spec.timezone" }),
  ],
  "cron-replace": [one(cron("concurrencyPolicy: Replace"), { field: "spec.concurrencyPolicy" })],
  "cron-history": [one(cron("failedJobsHistoryLimit: 1"), { field: "spec.failedJobsHistoryLimit" })],
  "cron-own-templates": [
    one(cron("{}", { workflowTemplateRef: { name: "bench" }, templates: [pods[0]] }), {
      field: "spec.templates",
    }),
  ],
};
