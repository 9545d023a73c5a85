import {
  container,
  dag,
  fromFile,
  lint,
  number,
  string,
  text,
  toYaml,
  workflowTemplate,
} from "../src/argo/index.ts";

/**
 * How long it takes to define, lint and write a workflow of 199 cells with seven steps each: as one cell template with
 * arguments, as pipelines should be, and written out, a DAG and seven containers a cell, as they should not.
 */
const cells = Array.from({ length: 199 }, (_, index) => `cell-${index}`);
const steps = ["deploy", "wait-healthy", "warmup", "sweep", "profile", "copy-profile", "summary"];

/** One cell: each step takes what the one before it gives. `suffix` makes the templates its own. */
function defineCell(suffix: string) {
  const pods = steps.map((name) =>
    container(
      `${name}${suffix}`,
      {
        inputs: { cell: string(), before: string() },
        outputs: { server: fromFile("/tmp/server"), rate: fromFile("/tmp/rate", number({ default: 0 })) },
      },
      (c) =>
        c.run({
          image: "ghcr.io/example/bench:1.0.0",
          command: ["bench", "step", name],
          args: [text`--cell=${c.inputs.cell}`, text`--before=${c.inputs.before}`],
          env: { CELL: c.inputs.cell },
          resources: { requests: { cpu: "1", memory: "1Gi" } },
          retry: { limit: 2, policy: "OnError" },
        }),
    ),
  );
  return dag(`cell${suffix}`, { inputs: { cell: string() } }, (d) => {
    let before = d.inputs.cell;
    for (const [index, pod] of pods.entries()) {
      before = d.task(steps[index] ?? "", pod, { cell: d.inputs.cell, before }).outputs.server;
    }
  });
}

const teardown = container("teardown", { inputs: { cell: string(), status: string() } }, (c) =>
  c.run({
    image: "ghcr.io/example/bench:1.0.0",
    command: ["bench", "teardown", c.inputs.cell, c.inputs.status],
  }),
);

function define(name: string, cellOf: (id: string) => ReturnType<typeof defineCell>) {
  const main = dag("main", { failFast: false }, (d) => {
    for (const id of cells) {
      d.task(
        id,
        cellOf(id),
        { cell: id },
        {
          onExit: (ended) => ended.run(teardown, { cell: id, status: ended.status }),
        },
      );
    }
  });
  return workflowTemplate(name, { entry: main });
}

function time<T>(work: () => T): { readonly ms: number; readonly result: T } {
  const start = performance.now();
  const result = work();
  return { ms: performance.now() - start, result };
}

for (const [name, cellOf] of [
  ["one cell template", () => defineCell("")],
  ["every cell written out", (id: string) => defineCell(`-${id}`)],
] as const) {
  const shared = defineCell("");
  const defined = time(() => define("bench", name === "one cell template" ? () => shared : cellOf));
  const linted = time(() =>
    lint([defined.result], { ignore: ["too-many", "too-big", "little-room-for-status"] }),
  );
  const written = time(() => toYaml(defined.result));
  const kib = Math.round(Buffer.byteLength(written.result) / 1024);
  const parts = [
    `define ${defined.ms.toFixed(0)}`,
    `lint ${linted.ms.toFixed(0)}`,
    `write ${written.ms.toFixed(0)} ms`,
  ];
  console.log(`${name}: ${parts.join(", ")}; ${kib} KiB, ${linted.result.length} findings`);
}
