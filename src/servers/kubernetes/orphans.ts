import type { Deployment } from "./objects.ts";
import type { Resources } from "./resources.ts";

const over = new Set(["Succeeded", "Failed", "Error"]);

/** Why nothing will take a server down: its workflow is gone or over. Undefined where one runs, or none is named. */
export async function whyOrphan(resources: Resources, { metadata }: Deployment): Promise<string | undefined> {
  const owner = metadata?.ownerReferences?.find(({ kind }) => kind === "Workflow");
  if (owner === undefined) return undefined;
  const workflow = await resources.workflow(owner.name);
  if (workflow === undefined) return `workflow ${owner.name} is gone`;
  if (workflow.metadata?.uid !== owner.uid) return `workflow ${owner.name} is another one by now`;
  const { phase = "" } = workflow.status ?? {};
  return over.has(phase) ? `workflow ${owner.name} has ended (${phase})` : undefined;
}
