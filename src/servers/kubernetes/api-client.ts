import { type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { LlmbenchError } from "../../error.ts";
import { ApiError, errorOf, isStatus } from "./api-error.ts";
import type { Connection } from "./connection.ts";
import { fieldManager } from "./names.ts";
import type { ObjectList } from "./objects.ts";

export interface ApiCall {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the API server's address, with its leading slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** One attempt may take this long. */
  readonly timeoutMs?: number;
  /** In place of the client's: for what is not worth the wait. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiClientOptions {
  /** How long an API server may be away before a call is given up, ms. */
  readonly patienceMs?: number;
  /** Of one attempt without a limit of its own, ms. */
  readonly timeoutMs?: number;
}

const firstWaitMs = 100;
const longestWaitMs = 5000;
/** A server that just came back may refuse what it would grant, until it has read its roles. */
const settlingMs = 30_000;

/** Statuses of a server that is starting, overloaded or between two leaders. */
const passing = new Set([429, 500, 502, 503, 504]);

/** Faults of the address or the certificates: time does not cure them. */
const lasting =
  /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|ERR_INVALID_URL|ERR_SSL_)/;

/**
 * Calls of the Kubernetes API, each safe to repeat. Every one outlives an API server that is away for less than
 * `patienceMs` (three minutes); then CLUSTER_UNREACHABLE. Other answers reject as ApiError (CLUSTER_FORBIDDEN, …).
 */
export class ApiClient {
  readonly connection: Connection;
  readonly #patienceMs: number;
  readonly #timeoutMs: number;
  #lastTroubleMs = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, options: ApiClientOptions = {}) {
    this.connection = connection;
    this.#patienceMs = options.patienceMs ?? 180_000;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  /** An object, or undefined when there is none of that name. */
  async get<T>(path: string, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return (await this.#json({ path, signal })) as T;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /** All objects, page by page. */
  async list<T>(path: string, query: ApiCall["query"] = {}, signal?: AbortSignal): Promise<ObjectList<T>> {
    const items: T[] = [];
    for (let next: string | undefined; ; ) {
      const page = (await this.#json({
        path,
        query: { ...query, limit: 500, continue: next },
        timeoutMs: 30_000,
        signal,
      })) as ObjectList<T>;
      items.push(...page.items);
      next = page.metadata?.continue || undefined;
      if (next === undefined) return { ...page, items };
    }
  }

  /** Server-side apply: the object is as the manifest says, whatever it was. */
  async apply<T>(path: string, manifest: T): Promise<T> {
    return (await this.#json({
      method: "PATCH",
      path,
      query: { fieldManager, force: true },
      contentType: "application/apply-patch+yaml",
      body: manifest,
    })) as T;
  }

  /**
   * Makes an object that must not be there yet, else CLUSTER_CONFLICT. An attempt whose answer was lost may have made it:
   * then it is taken as it is. `path` is the object's own.
   */
  async create<T>(path: string, object: unknown): Promise<T> {
    const call: ApiCall = { method: "POST", path: path.slice(0, path.lastIndexOf("/")), body: object };
    let attempts = 0;
    try {
      const body = await this.#patiently(call, async () => {
        attempts += 1;
        return await this.#attempt(call);
      });
      return JSON.parse(body) as T;
    } catch (error) {
      const made = isStatus(error, 409) && attempts > 1 ? await this.get<T>(path) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }

  /** Changes an object by a JSON patch (RFC 6902). */
  async patch(path: string, operations: readonly object[]): Promise<void> {
    await this.#json({
      method: "PATCH",
      path,
      contentType: "application/json-patch+json",
      body: operations,
    });
  }

  /** Asks for the end of an object; true when there was one (of that uid). */
  async delete(
    path: string,
    options: {
      propagation?: "Foreground" | "Background";
      graceSeconds?: number;
      uid?: string | undefined;
    } = {},
  ): Promise<boolean> {
    try {
      await this.#json({
        method: "DELETE",
        path,
        body: {
          apiVersion: "v1",
          kind: "DeleteOptions",
          ...(options.propagation === undefined ? {} : { propagationPolicy: options.propagation }),
          ...(options.graceSeconds === undefined ? {} : { gracePeriodSeconds: options.graceSeconds }),
          ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
        },
      });
      return true;
    } catch (error) {
      // 409: another object has the name by now.
      if (isStatus(error, 404) || isStatus(error, 409)) return false;
      throw error;
    }
  }

  async text(call: ApiCall): Promise<string> {
    return await this.#patiently(call, async () => await this.#attempt(call));
  }

  /** The lines of an answer that goes on. Patient until it begins; when it breaks off later, that is told. */
  async *lines(call: ApiCall): AsyncGenerator<string> {
    const response = await this.#patiently(call, async () => {
      const opened = await this.#open(call, this.#timeoutMs);
      if (opened.statusCode === 200) return opened;
      throw this.#errorOf(call, opened, await bodyOf(opened));
    });
    const reader = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
    // An answer that breaks off ends its lines early; only the stream knows that it broke.
    const broken = new Promise<never>((_, reject) => response.once("error", reject));
    broken.catch(() => {});
    const lines = reader[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await Promise.race([lines.next(), broken]);
        if (done) break;
        yield value;
      }
      if (!response.complete) throw new Error("the connection broke off");
    } finally {
      reader.close();
      response.destroy();
    }
  }

  /** Repeats an action until the API server is there; other errors pass. */
  async #patiently<T>(call: ApiCall, action: () => Promise<T>): Promise<T> {
    let since: number | undefined;
    for (let wait = firstWaitMs; ; wait = Math.min(wait * 2, longestWaitMs)) {
      try {
        return await action();
      } catch (error) {
        if (call.signal?.aborted) throw error;
        if (!this.isPassing(error)) throw error instanceof LlmbenchError ? error : this.#notAskable(error);
        since ??= performance.now();
        if (performance.now() - since > (call.patienceMs ?? this.#patienceMs))
          throw this.#unreachable(call, error, since);
        const pause = call.signal === undefined ? {} : { signal: call.signal };
        await sleep(wait * (0.75 + Math.random() / 2), undefined, pause);
      }
    }
  }

  /** True where the API server is away, starting or overloaded; remembers that it was. */
  isPassing(error: unknown): boolean {
    const now = performance.now();
    if (isStatus(error, 403)) return now - this.#lastTroubleMs < settlingMs;
    const isTrouble =
      error instanceof ApiError
        ? passing.has(error.status)
        : !(error instanceof LlmbenchError) && !lasting.test(codeOf(error));
    if (isTrouble) this.#lastTroubleMs = now;
    return isTrouble;
  }

  /** Of a fault that waiting does not cure. */
  #notAskable(cause: unknown): LlmbenchError {
    return new LlmbenchError(
      "CLUSTER_UNREACHABLE",
      `The Kubernetes API server ${this.connection.server} cannot be asked: ${textOf(cause)}`,
      {
        hint: "Check the kubeconfig's address and certificates: does `kubectl get pods` work with it?",
        cause,
      },
    );
  }

  /** What to say when patience is over. */
  #unreachable(call: ApiCall, cause: unknown, since: number): LlmbenchError {
    const seconds = Math.round((performance.now() - since) / 1000);
    return new LlmbenchError(
      "CLUSTER_UNREACHABLE",
      `The Kubernetes API server ${this.connection.server} did not answer for ${seconds} s (${describe(call)}): ${textOf(cause)}`,
      {
        hint: "Check it with `kubectl get --raw /readyz`; then run this again: what was done is kept.",
        cause,
      },
    );
  }

  async #json(call: ApiCall): Promise<unknown> {
    return JSON.parse(await this.text(call));
  }

  async #attempt(call: ApiCall): Promise<string> {
    const response = await this.#open(call);
    const body = await bodyOf(response);
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode > 299) throw this.#errorOf(call, response, body);
    return body;
  }

  #errorOf(call: ApiCall, { statusCode = 0 }: IncomingMessage, body: string): ApiError {
    return errorOf(statusCode, body, describe(call), this.connection.identity);
  }

  async #open(call: ApiCall, openTimeoutMs?: number): Promise<IncomingMessage> {
    const { server } = this.connection;
    const url = new URL(server.replace(/\/+$/, "") + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, `${value}`);
    }
    const authorized = await this.connection.authorize();
    const timeout = AbortSignal.timeout(call.timeoutMs ?? this.#timeoutMs);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return await new Promise((resolve, reject) => {
      const send = url.protocol === "http:" ? requestHttp : requestHttps;
      const sent = send(url, {
        ...authorized,
        method: call.method ?? "GET",
        signal,
        headers: {
          ...(authorized.headers as OutgoingHttpHeaders | undefined),
          accept: "application/json, */*",
          ...(body === undefined
            ? {}
            : {
                "content-type": call.contentType ?? "application/json",
                "content-length": Buffer.byteLength(body),
              }),
        },
      });
      const late = () => sent.destroy(new Error("it did not answer in time"));
      const limit = openTimeoutMs === undefined ? undefined : setTimeout(late, openTimeoutMs);
      sent.once("close", () => clearTimeout(limit));
      sent.once("response", (response) => {
        clearTimeout(limit);
        resolve(response);
      });
      sent.once("error", (error) =>
        reject(timeout.aborted ? new Error("it did not answer in time", { cause: error }) : error),
      );
      sent.end(body);
    });
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

/** `PATCH deployments/x in bench`: enough to know what was asked. */
function describe({ method = "GET", path }: ApiCall): string {
  const [, namespace, rest = path] = /\/namespaces\/([^/]+)\/(.+)$/.exec(path) ?? [];
  return `${method} ${rest}${namespace === undefined ? "" : ` in ${namespace}`}`;
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Refused on every address: Node says which only inside.
  return error.message || codeOf(error) || error.name;
}
