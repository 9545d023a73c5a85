import type { ISynchronization } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Synchronization";
import { render, type TextLike, type Use } from "./handle.ts";
import type { ConfigMapKey } from "./sources.ts";

interface LockOptions {
  readonly namespace?: string;
}

/** What must be held while a template or a whole workflow runs. */
export type Lock<Here> =
  | ({ readonly kind: "mutex"; readonly name: TextLike<Here> } & LockOptions)
  | ({ readonly kind: "semaphore"; readonly slots: ConfigMapKey<Here> } & LockOptions);

/** One at a time, of all that name the same mutex in the namespace. */
export const mutex = <Here = unknown>(name: TextLike<Here>, options: LockOptions = {}): Lock<Here> => ({
  kind: "mutex",
  name,
  ...options,
});

/** As many at a time as the ConfigMap's key says. */
export const semaphore = <Here = unknown>(
  slots: ConfigMapKey<Here>,
  options: LockOptions = {},
): Lock<Here> => ({ kind: "semaphore", slots, ...options });

export function writeLocks(locks: readonly Lock<never>[], use: Use): ISynchronization | undefined {
  if (locks.length === 0) return undefined;
  const mutexes = locks.flatMap((lock) =>
    lock.kind === "mutex" ? [{ name: render(lock.name, use), ...namespace(lock) }] : [],
  );
  const semaphores = locks.flatMap((lock) =>
    lock.kind === "semaphore"
      ? [
          {
            configMapKeyRef: { name: lock.slots.configMap, key: render(lock.slots.key, use) },
            ...namespace(lock),
          },
        ]
      : [],
  );
  return {
    ...(mutexes.length > 0 ? { mutexes } : {}),
    ...(semaphores.length > 0 ? { semaphores } : {}),
  };
}

const namespace = (lock: LockOptions) => (lock.namespace === undefined ? {} : { namespace: lock.namespace });
