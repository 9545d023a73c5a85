import type { ClusterPlan, SharePlan } from "../config/cluster-plan.ts";
import type { Submitted } from "./submit-run.ts";

/** How a run that was submitted is looked at, and where its results will be: a line each. */
export function afterSubmit(
  { run, workflows }: Submitted,
  { namespace, storage }: Pick<ClusterPlan, "namespace" | "storage">,
  env: NodeJS.ProcessEnv,
): string[] {
  const [first = run] = workflows;
  const server = env["ARGO_SERVER"];
  const address =
    server === undefined || server === ""
      ? ""
      : `${env["ARGO_SECURE"] === "false" ? "http" : "https"}://${server}`;
  return [
    ...(workflows.length > 1 ? [`  workflows  ${workflows.join(", ")}, one after the other`] : []),
    `  look       llmbench status ${first} -n ${namespace} --watch`,
    `             argo watch -n ${namespace} ${first}`,
    `             kubectl get workflow -n ${namespace} ${first}`,
    `  Argo UI    ${address}/workflows/${namespace}/${first}`,
    `  results    ${run}/report/index.html on`,
    `             ${shareWords(storage.results)}`,
    `             llmbench fetch ${run} -n ${namespace}`,
  ];
}

function shareWords(share: SharePlan): string {
  const below = share.subPath === undefined ? "" : `, in ${share.subPath}`;
  if (share.kind === "claim") return `the claim ${share.claim}${below}`;
  if (share.kind === "nfs") return `${share.server}:${share.path}${below}`;
  if (share.kind === "oci-fss") return `${share.mountTarget}:${share.exportPath}${below}`;
  return `the nodes' folder ${share.path}${below}`;
}
