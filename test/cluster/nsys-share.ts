import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../src/servers/find-program.ts";

/** Why no server can be recorded here. */
export const nsysMissing =
  findProgram("nsys") === undefined
    ? "Nsight Systems is not installed (docs/profiling.md says where it comes from)"
    : undefined;

/**
 * nsys on the models share, as docs/profiling.md brings it there, behind a switch: as long as the share holds a file of
 * this name, it does not start to record.
 */
export function bringNsys(models: string, broken: string): void {
  const nsys = join(models, "tools/nsys");
  const collect = fileURLToPath(new URL("../../images/nsys/collect-nsys.sh", import.meta.url));
  execFileSync("sh", [collect, nsys]);
  rmSync(join(nsys, "bin/nsys"));
  writeFileSync(
    join(nsys, "bin/nsys"),
    `#!/bin/sh
if [ "$1" = start ] && [ -e /models/${broken} ]; then
  echo "broken for a test" >&2
  exit 1
fi
for nsys in "\${0%/*}"/../target-linux-*/nsys; do exec "$nsys" "$@"; done
`,
    { mode: 0o755 },
  );
}
