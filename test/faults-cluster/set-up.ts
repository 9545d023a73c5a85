import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { call } from "../cluster/cluster.ts";
import { clearRows, writeTable } from "./fault-table.ts";
import { missing, namespace, share } from "./place.ts";

/** An empty namespace and an empty share before the first fault, the table after the last. */
export default function setUp(): (() => void) | undefined {
  if (missing !== undefined) {
    process.stderr.write(`faults of a cluster are skipped: ${missing}\n`);
    return undefined;
  }
  wipe();
  mkdirSync(join(share, "models"), { recursive: true });
  mkdirSync(join(share, "results"));
  // Steps write there as a user of their own.
  chmodSync(join(share, "results"), 0o777);
  clearRows();
  return () => {
    writeTable((text) => process.stdout.write(text));
    wipe();
  };
}

function wipe(): void {
  call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
  const words = "get pv -l app.kubernetes.io/managed-by=llmbench -o name".split(" ");
  const volumes = call("kubectl", words).split("\n");
  const ours = volumes.filter((name) => name.startsWith(`persistentvolume/${namespace}-llmbench-`));
  if (ours.length > 0) call("kubectl", ["delete", "--wait", ...ours]);
  rmSync(share, { recursive: true, force: true });
}
