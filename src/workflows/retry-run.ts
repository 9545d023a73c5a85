import { spawn } from "node:child_process";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { type RetryRequest, retryByServer } from "./argo-server.ts";
import { checkCell } from "./run-pods.ts";
import type { RunStatus } from "./run-status.ts";

/** How a run is taken up again, and what a person should know of it. */
export interface RetryPlan {
  readonly request: RetryRequest;
  readonly notes: readonly string[];
}

/** Selects every cell that failed, whole: also one that only waited when the run was terminated. */
const failedCells = "templateName=cell,phase=Failed";

/**
 * What to ask of Argo so that a run, or one cell of it from deploy, goes on. Throws RETRY_NOT_OVER for a run that goes
 * on, RETRY_NOTHING for one that succeeded, CELL_UNKNOWN.
 */
export function planRetry(status: RunStatus, cell?: string): RetryPlan {
  const { cells, phase, shutdown, workflow } = status;
  checkCell(
    cell,
    cells.map((one) => one.cell),
  );
  if (phase !== "Failed" && phase !== "Error" && !(phase === "Succeeded" && cell !== undefined)) {
    throw phase === "Succeeded" ? nothingToRetry(workflow) : notOver(status);
  }
  // Without a pod of their own Argo does not count them as something that failed.
  const onlyWaited = cells.filter(
    (one) => shutdown === "Terminate" && one.state === "failed" && one.failures.length === 0,
  );
  if (cell !== undefined) {
    const others = cells.filter((one) => one.state === "failed" && one.cell !== cell);
    const waited = others.filter((one) => onlyWaited.includes(one));
    return {
      request: {
        restartSuccessful: true,
        nodeFieldSelector: `templateName=cell,inputs.parameters.cell.value=${cell}`,
      },
      notes: [
        `${cell} runs again from deploy; measurements of it that are finished are not made again.`,
        ...(others.length === 0 ? [] : [`Argo retries what failed in other cells too: ${names(others)}.`]),
        ...(waited.length === 0
          ? []
          : [`Of these ${names(waited)} only waited when the run was terminated: retry once more for them.`]),
      ],
    };
  }
  if (onlyWaited.length === 0) {
    const failed = cells.filter((one) => one.state === "failed");
    return {
      request: {},
      notes: failed.length === 0 ? [] : [`The steps that failed run again: ${names(failed)}.`],
    };
  }
  return {
    request: { restartSuccessful: true, nodeFieldSelector: failedCells },
    notes: [
      `The run was terminated while cells waited: ${names(onlyWaited)}. A plain retry would leave them failed, so every failed cell runs again from deploy; measurements that are finished are not made again.`,
    ],
  };
}

const names = (cells: readonly { readonly cell: string }[]): string =>
  cells.map(({ cell }) => cell).join(", ");

/** The words of `argo` that say the same. */
export function argoWords(namespace: string, workflow: string, request: RetryRequest): string[] {
  return [
    "retry",
    "-n",
    namespace,
    workflow,
    ...(request.restartSuccessful === true ? ["--restart-successful"] : []),
    ...(request.nodeFieldSelector === undefined ? [] : ["--node-field-selector", request.nodeFieldSelector]),
  ];
}

/** A command as a shell takes it. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

/**
 * Asks Argo: `argo` on PATH, else its server (ARGO_SERVER). Resolves with who did it; undefined where there is neither.
 * Throws RETRY_FAILED, ARGO_SERVER_FAILED.
 */
export async function requestRetry(
  namespace: string,
  workflow: string,
  request: RetryRequest,
  env: NodeJS.ProcessEnv = process.env,
): Promise<"argo" | "server" | undefined> {
  const ended = await runArgo(argoWords(namespace, workflow, request), env);
  if (ended !== undefined) {
    if (ended.status === 0) return "argo";
    throw new LlmbenchError("RETRY_FAILED", "argo did not retry the run.", {
      details: ended.said.trim().split("\n"),
      hint: `It was called so: ${shellLine(["argo", ...argoWords(namespace, workflow, request)])}`,
    });
  }
  if (!env["ARGO_SERVER"]) return undefined;
  await retryByServer(env, namespace, workflow, request);
  return "server";
}

/** Undefined where there is no `argo`. */
async function runArgo(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly status: number | null; readonly said: string } | undefined> {
  const child = spawn("argo", words, { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (part: Buffer) => (said += part.toString()));
  child.stderr.on("data", (part: Buffer) => (said += part.toString()));
  return await new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? resolve(undefined) : reject(error),
    );
    child.once("close", (status) => resolve({ status, said }));
  });
}

function nothingToRetry(workflow: string): LlmbenchError {
  return new LlmbenchError("RETRY_NOTHING", `${workflow} succeeded: there is nothing to retry.`, {
    exitStatus: ExitStatus.usage,
    hint: "--cell CELL runs one cell again; llmbench submit CONFIG measures all anew",
  });
}

function notOver({ workflow, namespace, phase }: RunStatus): LlmbenchError {
  return new LlmbenchError("RETRY_NOT_OVER", `${workflow} goes on (${phase}): Argo retries what has ended.`, {
    exitStatus: ExitStatus.usage,
    hint: `Wait for it (llmbench status ${workflow} -n ${namespace} --watch), or stop it first: argo stop -n ${namespace} ${workflow}`,
  });
}
