import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Manifest } from "../../src/argo/index.ts";

/**
 * A finished run as Argo 4.1.2's controller left it in a Kubernetes 1.36 (a cell that succeeded, `vllm--m`, and one whose
 * sweep failed, `sglang--m`), without its templates; only the namespace was renamed.
 */
const recorded = JSON.parse(
  readFileSync(new URL("../fixtures/argo/finished-run.json", import.meta.url), "utf8"),
) as { status: { nodes: Record<string, RunNode> } };

interface RunNode {
  readonly name: string;
  readonly displayName: string;
  readonly message?: string;
}

/** The same digits each time, in place of what differs from run to run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const next = random(7);
const digits = (count: number) =>
  Array.from({ length: count }, () => String(Math.floor(next() * 10))).join("");
const hex = (text: string) => text.replaceAll(/[0-9a-f]/g, () => Math.floor(next() * 16).toString(16));

/** Text with other ids, hashes, instances, times and figures: what no two cells have in common, and no packer can save. */
function made(text: string): string {
  const ids = new Map<string, string>();
  const same = (found: string, make: () => string) => {
    if (!ids.has(found)) ids.set(found, make());
    return ids.get(found) ?? "";
  };
  return text
    .replaceAll(/twice-hz4hn-\d+/g, (id) => same(id, () => `twice-hz4hn-${digits(10)}`))
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) =>
      same(id, () => hex(id)),
    )
    .replaceAll(/-[0-9a-f]{16}(?=\.)/g, (id) => same(id, () => `-${hex(id.slice(1))}`))
    .replaceAll(
      /T\d\d:\d\d:\d\dZ/g,
      () =>
        `T${10 + Math.floor(next() * 10)}:${10 + Math.floor(next() * 50)}:${10 + Math.floor(next() * 50)}Z`,
    )
    .replaceAll(/"value":"\d+\.\d+"/g, () => `"value":"${digits(2)}.${digits(2)}"`);
}

/** The longest that a step says (`writeTerminationMessage`), of what a step really said, with figures of its own. */
function longMessage(): string {
  const said = Object.values(recorded.status.nodes).find(
    ({ displayName }) => displayName === "sweep(0)" || displayName === "sweep",
  );
  const real =
    Object.values(recorded.status.nodes).find(({ message = "" }) => message.length > 400)?.message ??
    said?.message ??
    "";
  return real
    .repeat(5)
    .replaceAll(/\d/g, () => digits(1))
    .slice(0, 2000);
}

const stepsAfterSweep = ["profile", "copy-profile"];

/** Nodes of one cell with all seven steps, each with its retry node; failed: the last step says as much as it can. */
function nodesOf(cell: string, failed: boolean): [string, unknown][] {
  const of = Object.entries(recorded.status.nodes).filter(([, { name }]) =>
    /^[^.]+\.vllm--m(?:\.|$)/.test(name),
  );
  const sweeps = of.filter(([, { displayName }]) => displayName.startsWith("sweep"));
  const further = stepsAfterSweep.flatMap((step) =>
    sweeps.map(([id, node]) => {
      const text = JSON.stringify([id, node]).replaceAll("sweep", step);
      return JSON.parse(text.replaceAll(/twice-hz4hn-(\d+)/g, `twice-hz4hn-${step.length}$1`)) as [
        string,
        RunNode,
      ];
    }),
  );
  const message = failed ? longMessage() : undefined;
  const nodes = [...of, ...further].map(([id, node]) =>
    message !== undefined && /^(?:copy-profile|.*onExit)/.test(node.displayName)
      ? [id, { ...node, phase: "Failed", message }]
      : [id, node],
  );
  return JSON.parse(made(JSON.stringify(nodes)).replaceAll("vllm--m", cell)) as [string, unknown][];
}

/** Bytes as Go's encoder writes them, which is what Argo counts. */
export function goBytes(value: unknown): number {
  const text = JSON.stringify(value);
  return Buffer.byteLength(text) + 5 * (text.match(/[<>&\u2028\u2029]/g)?.length ?? 0);
}

/** The Workflow object of a run of `template` that ended, before and after Argo packs it (workflow/packer, gzip). */
export function finishedWorkflow(template: Manifest, cells: readonly string[], failed: boolean) {
  const { spec } = template.object as { spec: { templates: readonly { name: string }[] } };
  const frame = Object.entries(recorded.status.nodes).filter(
    ([, { name }]) => !/\.(?:vllm|sglang)--m/.test(name),
  );
  const nodes = Object.fromEntries([...frame, ...cells.flatMap((cell) => nodesOf(cell, failed))]);
  const status = {
    ...recorded.status,
    storedTemplates: Object.fromEntries(
      spec.templates.map((each) => [`namespaced/llmbench-twice/${each.name}`, each]),
    ),
    storedWorkflowTemplateSpec: { ...spec, arguments: {}, entrypoint: "benchmark" },
  };
  const whole = { ...recorded, status: { ...status, nodes } };
  const compressedNodes = gzipSync(JSON.stringify(nodes)).toString("base64");
  const { nodes: _, ...rest } = whole.status;
  return {
    whole,
    packed: { ...recorded, status: { ...rest, compressedNodes } },
    nodes: Object.keys(nodes).length,
  };
}
