import type { Manifest } from "../src/argo/index.ts";
import { LlmbenchError } from "../src/error.ts";
import type { KubernetesObject } from "./config-map.ts";

/** What the API server takes of a ConfigMap's data, and what Argo's controller keeps of a Workflow (MAX_WORKFLOW_SIZE). */
const limitBytes = 1024 * 1024;

/** What a cell adds to a packed Workflow, at most: 1,700 with seven steps whose last failed and said all that a step may (test/pipelines/workflow-size.test.ts). */
const packedCellBytes = 2_000;

/**
 * Warns of a Workflow that Argo could not keep: its template is stored in it twice, whole and by its templates, and only
 * the nodes of its cells are packed. The controller then ends the run with "workflow is longer than maximum allowed size".
 */
export function warnOfSize(template: Manifest, cells: number): string[] {
  const { name } = template.object.metadata ?? {};
  const bytes = 2 * byteLength(template.object) + cells * packedCellBytes;
  return bytes <= limitBytes
    ? []
    : [
        `A finished run of ${name ?? "this template"} may take ${kilobytes(bytes)} kB, and Argo keeps ${kilobytes(limitBytes)}: ask for offloading to a database (nodeStatusOffLoad) where the controller has one, or make two configs of this one.`,
      ];
}

/** Throws BUILD_TOO_LARGE for a config that no ConfigMap holds. */
export function checkConfigMap({ metadata, ...rest }: KubernetesObject): void {
  const data = (rest["data"] ?? {}) as Readonly<Record<string, string>>;
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= limitBytes) return;
  throw new LlmbenchError(
    "BUILD_TOO_LARGE",
    `The resolved config and its plugins take ${kilobytes(bytes)} kB, and a ConfigMap (${metadata.name}) holds ${kilobytes(limitBytes)}.`,
    { hint: "build it in parts (--engine, --model, --cell), with fewer points, or with smaller plugins" },
  );
}

const byteLength = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

const kilobytes = (bytes: number) => Math.ceil(bytes / 1000).toLocaleString("en");
