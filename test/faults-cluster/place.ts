import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clusterMissing } from "../cluster/cluster.ts";

/** Where faults are tried. Another namespace lets two people try at once. */
export const namespace = process.env["LLMBENCH_FAULTS_NAMESPACE"] ?? "llmbench-faults";

/** The folder of the nodes that holds models and results of these tests. */
export const share = join(process.env["LLMBENCH_SHARE"] ?? "", namespace);

/** Where the table of faults is left. */
export const outputFolder = fileURLToPath(new URL(`../../test-results/${namespace}/`, import.meta.url));

/** Why faults cannot be tried here. */
export const missing = clusterMissing();
