// All of Kubernetes' client that is used: a module of its own, so that the bundle holds nothing else of it.
export { Exec, KubeConfig } from "@kubernetes/client-node";
