import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../../pipelines/build.ts";
import type { Plan } from "../../src/config/plan.ts";
import { readPlan } from "../../src/config/read-plan.ts";

const configs = fileURLToPath(new URL("../../configs", import.meta.url));

/** Every config with a cluster, as `npm run build` takes them. */
export async function clusterPlans(): Promise<Plan[]> {
  const names = readdirSync(configs).filter((name) => /\.ya?ml$/.test(name));
  const plans = await Promise.all(names.map((name) => readPlan(join(configs, name), { environment: null })));
  return plans.filter(({ cluster }) => cluster !== undefined);
}

/** configs/cluster-test.yaml with the images and the share of this cluster in place of the example's. */
export async function testPlan(share: string): Promise<Plan> {
  const text = readFileSync(join(configs, "cluster-test.yaml"), "utf8")
    .replaceAll("localhost/llmbench:test", process.env["LLMBENCH_IMAGE"] as string)
    .replaceAll("localhost/llmbench-llamacpp:test", process.env["LLMBENCH_LLAMACPP_IMAGE"] as string)
    .replaceAll("/var/lib/llmbench-cluster/storage", share);
  const folder = mkdtempSync(join(tmpdir(), "llmbench-cluster-"));
  try {
    const file = join(folder, "cluster-test.yaml");
    writeFileSync(file, text);
    return await readPlan(file, { environment: null });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of `cluster` in a test's own config, as YAML: its namespace, its part of the share, and the image under test. */
export function ownPlace(namespace: string, share: string, client = "{ cpu: 200m, memory: 512Mi }"): string {
  return `  namespace: ${namespace}
  storage: { models: { hostPath: "${share}/models" }, results: { hostPath: "${share}/results" } }
  steps: { image: "${process.env["LLMBENCH_IMAGE"] ?? ""}", pullPolicy: Never, client: ${client} }`;
}

/** The same plan in another namespace. */
export function inNamespace(
  plan: Plan,
  namespace: string,
  more: { lookBeyondNamespace?: boolean } = {},
): Plan {
  if (plan.cluster === undefined) throw new Error(`${plan.name} has no cluster`);
  return { ...plan, cluster: { ...plan.cluster, ...more, namespace } };
}

/** One of the files that the plan becomes. */
export function fileOf(plan: Plan, path: string): string {
  const found = build(plan).files.find((file) => file.path === path);
  if (found === undefined) throw new Error(`${plan.name} becomes no ${path}`);
  return found.text;
}
