import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import { ApiClient, type ApiClientOptions } from "../../../src/servers/kubernetes/api-client.ts";
import type { Connection } from "../../../src/servers/kubernetes/connection.ts";
import type { KubeConfig } from "../../../src/servers/kubernetes/kube-config.ts";
import type { KubernetesObject } from "../../../src/servers/kubernetes/objects.ts";

export interface Stored extends KubernetesObject {
  metadata: NonNullable<KubernetesObject["metadata"]>;
  [field: string]: unknown;
}

interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly path: string;
  readonly object: Stored;
}

/**
 * As much of a Kubernetes API server as the back end talks to, over real HTTP: objects by path, lists by label, watches
 * that go on from a version, and faults.
 */
export class FakeApiServer {
  /** Called for each request before it is answered; true where it has been answered already. */
  intercept: (request: IncomingMessage, response: ServerResponse, url: URL) => boolean = () => false;
  /** What controllers would do after a change. */
  react: (change: Change) => void = () => {};
  readonly requests: string[] = [];
  readonly #objects = new Map<string, Stored>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<{ path: string; labels: string | null; response: ServerResponse }>();
  readonly #sockets = new Set<Socket>();
  #server: Server = createServer();
  #version = 100;
  /** Versions below this one are forgotten: a watch from there is answered with 410. */
  oldest = 0;
  port = 0;

  async listen(): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.#server.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Goes away as a killed server does. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.dropConnections();
    this.#watches.clear();
    await closed;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Open watches of a path. */
  watching(path: string): number {
    return [...this.#watches].filter((watch) => watch.path === path && !watch.response.destroyed).length;
  }

  put(path: string, object: Omit<Stored, "metadata"> & { metadata?: Partial<Stored["metadata"]> }): Stored {
    const before = this.#objects.get(path);
    const name = path.split("/").at(-1) as string;
    const metadata = {
      uid: before?.metadata.uid ?? `uid-${++this.#version}`,
      creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString(),
      name,
      ...object.metadata,
      resourceVersion: `${++this.#version}`,
    } as Stored["metadata"];
    const stored = { ...object, metadata };
    this.#objects.set(path, stored);
    this.#tell({
      version: this.#version,
      type: before === undefined ? "ADDED" : "MODIFIED",
      path,
      object: stored,
    });
    return stored;
  }

  take(path: string): void {
    const object = this.#objects.get(path);
    if (object === undefined) return;
    this.#objects.delete(path);
    const metadata = { ...object.metadata, resourceVersion: `${++this.#version}` };
    this.#tell({ version: this.#version, type: "DELETED", path, object: { ...object, metadata } });
  }

  object(path: string): Stored | undefined {
    return this.#objects.get(path);
  }

  /** Sends a bookmark to every watch; its version. */
  bookmark(): string {
    const object = { metadata: { resourceVersion: `${++this.#version}` } };
    for (const { response } of this.#watches) send(response, "BOOKMARK", object);
    return object.metadata.resourceVersion;
  }

  /** Ends every watch, as a server does when its time is over. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
  }

  #tell(change: Change): void {
    this.#history.push(change);
    for (const watch of this.#watches) {
      if (belongs(change, watch.path, watch.labels)) send(watch.response, change.type, change.object);
    }
    setImmediate(() => this.react(change));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://fake");
    const { method = "GET" } = request;
    this.requests.push(`${method} ${url.pathname}${url.searchParams.has("watch") ? "?watch" : ""}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (this.intercept(request, response, url)) return;
    const path = url.pathname;
    const found = this.#objects.get(path);
    if (url.searchParams.has("watch")) return this.#watch(url, response);
    if (method === "POST") {
      const made = JSON.parse(Buffer.concat(parts).toString()) as Stored;
      const place = `${path}/${made.metadata.name}`;
      if (this.#objects.has(place))
        return answer(response, 409, { kind: "Status", code: 409, message: "already exists" });
      return answer(response, 201, this.put(place, made));
    }
    if (
      method === "PATCH" &&
      found !== undefined &&
      request.headers["content-type"]?.includes("json-patch")
    ) {
      const changes = JSON.parse(Buffer.concat(parts).toString()) as { path: string; value: unknown }[];
      const metadata = changes.map(({ path, value }) => [path.replace("/metadata/", ""), value]);
      const changed = { ...found.metadata, ...Object.fromEntries(metadata) } as Stored["metadata"];
      return answer(response, 200, this.put(path, { ...found, metadata: changed }));
    }
    if (method === "PATCH") {
      const manifest = JSON.parse(Buffer.concat(parts).toString()) as Stored;
      const metadata = { ...found?.metadata, ...manifest.metadata };
      return answer(response, 200, this.put(path, { ...found, ...manifest, metadata }));
    }
    if (method === "DELETE" && found !== undefined) {
      this.take(path);
      return answer(response, 200, { status: "Success" });
    }
    if (found !== undefined) return answer(response, 200, found);
    if (isCollection(path)) return answer(response, 200, this.#list(url));
    answer(response, 404, { kind: "Status", code: 404, message: `${path} not found` });
  }

  #list(url: URL) {
    const labels = url.searchParams.get("labelSelector");
    const named = /^metadata\.name=(.+)$/.exec(url.searchParams.get("fieldSelector") ?? "")?.[1];
    const items = [...this.#objects]
      .filter(([path, object]) => belongs({ path, object }, url.pathname, labels))
      .map(([, object]) => object)
      .filter(({ metadata }) => named === undefined || metadata.name === named);
    return { metadata: { resourceVersion: `${this.#version}` }, items };
  }

  #watch(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get("resourceVersion"));
    if (from < this.oldest) return answer(response, 410, { kind: "Status", code: 410, message: "too old" });
    const labels = url.searchParams.get("labelSelector");
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const change of this.#history) {
      if (change.version > from && belongs(change, url.pathname, labels))
        send(response, change.type, change.object);
    }
    const watch = { path: url.pathname, labels, response };
    this.#watches.add(watch);
    response.once("close", () => this.#watches.delete(watch));
  }
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** A server and a client of it; the server is gone when the test ends. */
export async function startFake(
  options: ApiClientOptions = {},
): Promise<{ server: FakeApiServer; client: ApiClient }> {
  const server = new FakeApiServer();
  await server.listen();
  onTestFinished(async () => await server.close());
  const connection: Connection = {
    server: `http://127.0.0.1:${server.port}`,
    identity: "tester",
    namespace: undefined,
    config: {} as KubeConfig,
    authorize: async () => ({}),
  };
  return { server, client: new ApiClient(connection, options) };
}

function send(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function isCollection(path: string): boolean {
  return /\/(pods|events|nodes|deployments|services|namespaces|workflows|workflowtemplates)$/.test(path);
}

function belongs(
  { path, object }: Pick<Change, "path" | "object">,
  collection: string,
  labels: string | null,
): boolean {
  // A list over all namespaces names none.
  const everywhere = collection.replace(/\/([^/]+)$/, "/namespaces/[^/]+/$1/");
  if (!path.startsWith(`${collection}/`) && !new RegExp(`^${everywhere}`).test(path)) return false;
  const wanted = labels === null || labels === "" ? [] : labels.split(",").map((pair) => pair.split("="));
  return wanted.every(([key = "", value]) => object.metadata.labels?.[key] === value);
}
