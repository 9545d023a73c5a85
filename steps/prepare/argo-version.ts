import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { LlmbenchError } from "../../src/error.ts";

/** Argo puts its executor here in every pod of a workflow. */
const executor = "/var/run/argo/argoexec";

/** The oldest minor version that takes what `llmbench build` makes. */
const oldest = { major: 3, minor: 6 };

const notLookedAt = "not looked at";

/**
 * The version of Argo Workflows that runs this pod, `v4.1.2`, or `not looked at` where its executor is not there or does
 * not say. Needs no right: the controller itself cannot be asked without one. Throws ARGO_TOO_OLD.
 */
export async function checkArgoVersion(program: string = executor): Promise<string> {
  let said: string;
  try {
    said = (await promisify(execFile)(program, ["version", "--short"], { timeout: 30_000 })).stdout;
  } catch {
    return notLookedAt;
  }
  const [version, major, minor] = /\bv(\d+)\.(\d+)\.\d+\S*/.exec(said) ?? [];
  if (version === undefined) return notLookedAt;
  if (Number(major) > oldest.major || (Number(major) === oldest.major && Number(minor) >= oldest.minor))
    return version;
  throw new LlmbenchError(
    "ARGO_TOO_OLD",
    `This workflow runs on Argo Workflows ${version}; it needs 3.6 or newer.`,
    {
      hint: "update Argo Workflows: older versions do not know `synchronization.semaphores`, and cells would not wait for a node",
    },
  );
}
