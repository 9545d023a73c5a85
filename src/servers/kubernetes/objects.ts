import type {
  CoreV1Event,
  V1Deployment,
  V1Node,
  V1ObjectMeta,
  V1Pod,
  V1Service,
} from "@kubernetes/client-node";

/** Kubernetes' objects as JSON carries them: a time is text. */
type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

type ObjectMeta = Wire<V1ObjectMeta>;
export type Pod = Wire<V1Pod>;
export type Container = NonNullable<Pod["spec"]>["containers"][number];
export type Deployment = Wire<V1Deployment>;
export type Service = Wire<V1Service>;
export type ClusterNode = Wire<V1Node>;
export type ClusterEvent = Wire<CoreV1Event>;
export type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

/** As much of an Argo Workflow as tells whether it still runs. */
export interface WorkflowObject {
  readonly metadata?: ObjectMeta;
  readonly status?: { readonly phase?: string };
}

export interface KubernetesObject {
  readonly metadata?: ObjectMeta;
}

export interface ObjectList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: readonly T[];
}
