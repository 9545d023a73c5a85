import type { IEnvVarSource } from "kubernetes-models/v1/EnvVarSource";
import type { IPersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import type { IVolume } from "kubernetes-models/v1/Volume";
import type { Value } from "./handle.ts";
import type { ByteQuantity } from "./quantity.ts";

/** A Secret of the namespace. Its values fit environment variables and nothing else: they never become text. */
export interface Secret<out Key extends string> {
  readonly name: string;
  key(key: Key, options?: { readonly optional?: boolean }): EnvSource;
  readonly keys: readonly Key[];
}

/** A ConfigMap of the namespace: for environment variables, and for semaphores, whose limits stand in one. */
export interface ConfigMap<out Key extends string> {
  readonly name: string;
  readonly keys: readonly Key[];
  key<Here = unknown>(key: Key | Value<Key, Here>): ConfigMapKey<Here>;
}

/** Where an environment variable takes its value from. */
export interface EnvSource {
  readonly kind: "env";
  readonly from: IEnvVarSource;
}

export interface ConfigMapKey<in Here = unknown> {
  readonly kind: "config-map-key";
  readonly configMap: string;
  readonly key: string | Value<string, Here>;
}

/** `secret("hub", "token")`; without keys any key is taken at its word. */
export const secret = <const Key extends string = string>(
  name: string,
  ...keys: readonly Key[]
): Secret<Key> =>
  Object.freeze({
    name,
    keys,
    key: (key: Key, options: { readonly optional?: boolean } = {}): EnvSource => ({
      kind: "env",
      from: { secretKeyRef: { name, key, ...(options.optional === true ? { optional: true } : {}) } },
    }),
  });

/** `configMap("slots", "a10", "h100")`; without keys any key is taken at its word. */
export const configMap = <const Key extends string = string>(
  name: string,
  ...keys: readonly Key[]
): ConfigMap<Key> =>
  Object.freeze({
    name,
    keys,
    key: <Here>(key: Key | Value<Key, Here>): ConfigMapKey<Here> => ({
      kind: "config-map-key",
      configMap: name,
      key: key as string | Value<string, Here>,
    }),
  });

type PodField =
  | "metadata.name"
  | "metadata.namespace"
  | "metadata.uid"
  | `metadata.labels['${string}']`
  | `metadata.annotations['${string}']`
  | "spec.nodeName"
  | "spec.serviceAccountName"
  | "status.hostIP"
  | "status.podIP";

/** A fact about the pod itself. */
export const field = (fieldPath: PodField): EnvSource => ({ kind: "env", from: { fieldRef: { fieldPath } } });

type ContainerResource = `${"limits" | "requests"}.${"cpu" | "memory" | "ephemeral-storage"}`;

/** What the container may use. */
export const resource = (
  name: ContainerResource,
  divisor?: "1" | "1m" | "1Ki" | "1Mi" | "1Gi",
): EnvSource => ({
  kind: "env",
  from: { resourceFieldRef: { resource: name, ...(divisor === undefined ? {} : { divisor }) } },
});

/** A volume that pods mount. A template that mounts it brings it along. */
export interface Volume {
  readonly kind: "volume";
  readonly name: string;
  readonly source: Omit<IVolume, "name"> | undefined;
  readonly claim: Claim | undefined;
}

/** A claim that Argo makes for one run. */
export type Claim = Pick<IPersistentVolumeClaim, "metadata" | "spec">;

/** `volume("models", { persistentVolumeClaim: { claimName: "models" } })`; the sources are Kubernetes' own. */
export const volume = (name: string, source: Omit<IVolume, "name">): Volume =>
  Object.freeze({ kind: "volume", name, source, claim: undefined });

/** A volume that the workflow claims for itself and gives back at its end. */
export const scratch = (
  name: string,
  claim: {
    readonly size: ByteQuantity;
    readonly accessModes: readonly ("ReadWriteOnce" | "ReadWriteMany" | "ReadWriteOncePod")[];
    readonly storageClass?: string;
  },
): Volume =>
  Object.freeze({
    kind: "volume",
    name,
    source: undefined,
    claim: {
      metadata: { name },
      spec: {
        accessModes: [...claim.accessModes],
        resources: { requests: { storage: claim.size } },
        ...(claim.storageClass === undefined ? {} : { storageClassName: claim.storageClass }),
      },
    },
  });
