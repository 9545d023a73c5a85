import type { Workflow, WorkflowNode } from "../../src/workflows/workflow.ts";

/** A Workflow of two cells as Argo writes it, with the nodes that a test wants. */
export function makeWorkflow(
  nodes: readonly WorkflowNode[] = [],
  {
    name = "llmbench-demo-x7k2p",
    ...change
  }: { name?: string } & Partial<NonNullable<Workflow["status"]>> = {},
): Workflow {
  return {
    metadata: {
      name,
      namespace: "bench",
      uid: `uid-${name}`,
      creationTimestamp: "2026-11-24T10:00:00Z",
      labels: { "llmbench.dev/config": "llmbench-demo" },
    },
    spec: { workflowTemplateRef: { name: "llmbench-demo" } },
    status: {
      phase: "Running",
      startedAt: "2026-11-24T10:00:01Z",
      nodes: Object.fromEntries(nodes.map((node) => [node.id, node])),
      storedWorkflowTemplateSpec: {
        entrypoint: "benchmark",
        templates: [
          {
            name: "benchmark",
            dag: {
              tasks: [
                { name: "prepare", template: "prepare" },
                ...["fast--tiny", "slow--tiny"].map((cell) => ({
                  name: cell,
                  template: "cell",
                  arguments: { parameters: [{ name: "cell", value: cell }] },
                })),
              ],
            },
          },
          {
            name: "finish",
            container: {
              image: "registry.example/llmbench@sha256:1",
              imagePullPolicy: "IfNotPresent",
              volumeMounts: [{ name: "results", mountPath: "/results", subPath: "llm" }],
            },
            volumes: [{ name: "results", persistentVolumeClaim: { claimName: "llmbench-demo-results" } }],
            tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" }],
          },
        ],
        securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
      },
      ...change,
    },
  };
}

/** The DAG of a cell. */
export function cellNode(cell: string, change: Partial<WorkflowNode> = {}): WorkflowNode {
  return {
    id: cell,
    name: `wf.${cell}`,
    displayName: cell,
    type: "DAG",
    phase: "Running",
    templateName: "cell",
    startedAt: "2026-11-24T10:00:10Z",
    inputs: { parameters: [{ name: "cell", value: cell }] },
    ...change,
  };
}

/** A step of a cell as its Retry and the pod of each attempt, the last with what is given. */
export function stepNodes(
  cell: string,
  step: string,
  change: Partial<WorkflowNode>,
  earlier: readonly Partial<WorkflowNode>[] = [],
): WorkflowNode[] {
  const { phase = "Running" } = change;
  const inCell = step === "teardown" ? {} : { boundaryID: cell };
  const inputs = step === "teardown" ? { inputs: { parameters: [{ name: "cell", value: cell }] } } : {};
  const common = { templateName: step, ...inCell, ...inputs, startedAt: "2026-11-24T10:00:11Z" };
  const name = `wf.${cell}.${step}`;
  return [
    { ...common, id: `${cell}-${step}`, name, displayName: step, type: "Retry", phase },
    ...[...earlier, change].map((attempt, at) => ({
      ...common,
      id: `${cell}-${step}-${at}`,
      name: `${name}(${at})`,
      displayName: `${step}(${at})`,
      type: "Pod",
      ...attempt,
    })),
  ];
}
