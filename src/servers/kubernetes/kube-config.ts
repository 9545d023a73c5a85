// The one thing of Kubernetes' client that is used: a module of its own, so that the bundle holds nothing else of it.
export { KubeConfig } from "@kubernetes/client-node";
