import { setTimeout as sleep } from "node:timers/promises";
import type { ApiCall, ApiClient } from "./api-client.ts";
import { errorOf, isStatus } from "./api-error.ts";
import type { KubernetesObject } from "./objects.ts";

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

export interface WatchOptions {
  /** How long the server keeps one watch open; a dead connection is noticed a little later. */
  readonly windowSeconds?: number;
}

/**
 * The objects of a list, kept up to date: a list, then a watch that goes on where the last one ended. A resource
 * version that the server no longer has (410) begins again with a list; an API server that is away is waited for as in
 * every other call.
 */
export class ObjectWatch<T extends KubernetesObject> {
  readonly #client: ApiClient;
  readonly #path: string;
  readonly #query: NonNullable<ApiCall["query"]>;
  readonly #windowSeconds: number;
  readonly #objects = new Map<string, T>();
  #version: string | undefined;
  readonly #changed = new EventTarget();
  /** Grows with each change: for who looks, works, and wants to know whether anything came meanwhile. */
  changes = 0;

  constructor(
    client: ApiClient,
    path: string,
    query: NonNullable<ApiCall["query"]> = {},
    options: WatchOptions = {},
  ) {
    this.#client = client;
    this.#path = path;
    this.#query = query;
    this.#windowSeconds = options.windowSeconds ?? 30;
  }

  get objects(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** Resolves once the objects are known. */
  async listed(): Promise<void> {
    while (this.changes === 0) await this.next(1000);
  }

  /** Resolves at the first change after `seen` of them, when `timeoutMs` have passed, or at `stop`. */
  async next(timeoutMs: number, seen = this.changes, stop?: AbortSignal): Promise<void> {
    if (this.changes > seen) return;
    const over = new AbortController();
    const { signal } = over;
    this.#changed.addEventListener("change", () => over.abort(), { once: true, signal });
    const ended = stop === undefined ? signal : AbortSignal.any([signal, stop]);
    await sleep(timeoutMs, undefined, { signal: ended }).catch(() => {});
    over.abort();
  }

  /** Keeps `objects` up to date until `signal`; rejects when the cluster refuses or stays away. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, 410)) this.#version = undefined;
        else if (!this.#client.isPassing(error)) throw error;
        // One that breaks off each watch at once is not asked without end.
        await sleep(100);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { items, metadata } = await this.#client.list<T>(this.#path, this.#query, signal);
    this.#objects.clear();
    for (const item of items) this.#objects.set(keyOf(item), item);
    this.#version = metadata?.resourceVersion;
    this.#tell();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const lines = this.#client.lines({
      path: this.#path,
      query: {
        ...this.#query,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: this.#version,
        timeoutSeconds: this.#windowSeconds,
      },
      timeoutMs: (this.#windowSeconds + 10) * 1000,
      signal,
    });
    for await (const line of lines) this.#take(JSON.parse(line) as WatchEvent<T>);
  }

  #take({ type, object }: WatchEvent<T>): void {
    if (type === "ERROR") {
      const { code = 500 } = object as { code?: number };
      throw errorOf(code, JSON.stringify(object), `watch ${this.#path}`, "");
    }
    this.#version = object.metadata?.resourceVersion ?? this.#version;
    if (type === "BOOKMARK") return;
    if (type === "DELETED") this.#objects.delete(keyOf(object));
    else this.#objects.set(keyOf(object), object);
    this.#tell();
  }

  #tell(): void {
    this.changes += 1;
    this.#changed.dispatchEvent(new Event("change"));
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return metadata?.uid ?? `${metadata?.namespace}/${metadata?.name}`;
}
