import type { Neighbours } from "../server.ts";
import { anyServer } from "./names.ts";
import type { Pod } from "./objects.ts";
import { readQuantity } from "./quantity.ts";

/** Extended resources that are GPUs or parts of them: `nvidia.com/gpu`, `nvidia.com/mig-1g.5gb`, `amd.com/gpu`. */
const gpuResource = /^[^/]+\/(gpu|mig-|xpu|gaudi|.*gpu)/i;

/** What else is on a server's node, of all the pods there. */
export function neighboursOf(own: Pod, pods: readonly Pod[]): Neighbours {
  const others = pods.filter(({ metadata }) => metadata?.uid !== own.metadata?.uid);
  return {
    servers: others.filter(isServer).map(nameOf),
    gpuPods: others.filter((pod) => !isServer(pod) && holdsGpu(pod)).map(nameOf),
  };
}

function isServer({ metadata }: Pod): boolean {
  return Object.entries(anyServer).every(([key, value]) => metadata?.labels?.[key] === value);
}

function holdsGpu({ spec }: Pod): boolean {
  return (spec?.containers ?? []).some(({ resources }) =>
    Object.entries(resources?.limits ?? {}).some(
      ([name, quantity]) => gpuResource.test(name) && readQuantity(quantity) > 0,
    ),
  );
}

function nameOf({ metadata }: Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
