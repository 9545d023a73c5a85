import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A hub on this machine: the API, and a content network on another host name and port to which it sends everyone who
 * asks for a large file. What it answers follows huggingface_hub at commit ee0a4510 (2026-08-20): hf_api.py
 * (model_info, RepoSibling), file_download.py (http_get, get_hf_file_metadata), utils/_http.py (hf_raise_for_status,
 * parse_ratelimit_headers); that a gated model tells its files to everyone and its content to nobody, and that a
 * missing one answers 401 without a code, are the hub's habits as clients describe them.
 */
export interface FakeHub {
  readonly endpoint: string;
  readonly repos: Map<string, FakeRepo>;
  /** What goes wrong with the next answers for `hub api`, `hub <path>` or `cdn <path>`, in order. */
  readonly faults: Map<string, Fault[]>;
  /** Every request that was answered, in order. */
  readonly served: Served[];
  readonly close: () => Promise<void>;
}

export interface FakeRepo {
  readonly commit: string;
  readonly files: Readonly<Record<string, Buffer | string>>;
  /** Only who has this token gets the content. */
  readonly gatedFor?: string;
  /** Put in place of what the API says of a file. */
  readonly claims?: Readonly<Record<string, object>>;
}

type Fault =
  | { readonly kind: "status"; readonly status: number; readonly headers?: Record<string, string> }
  /** So many bytes, then the connection is gone. */
  | { readonly kind: "reset"; readonly after: number }
  /** So many bytes, then nothing. */
  | { readonly kind: "hold"; readonly after: number }
  | { readonly kind: "bytes"; readonly content: Buffer }
  /** Takes no notice of Range. */
  | { readonly kind: "whole" }
  | { readonly kind: "linked-etag"; readonly value: string };

interface Served {
  readonly server: "hub" | "cdn";
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  readonly status: number;
  /** Bytes of content, so far. */
  sent: number;
}

export interface FakeHubOptions {
  /** Address that both servers listen at and are asked by; else this machine's own, under two names. */
  readonly address?: string;
  /** Of each answer's content; else as fast as it goes. */
  readonly bytesPerSecond?: number;
}

/** Large files are in Git LFS by their ending, as .gitattributes of every repository says. */
const inLfs = /\.(safetensors|bin|pth|gguf|model)$/;

export const signature = "X-Amz-Signature=d41d8cd98f00b204";

export async function startFakeHub({ address, bytesPerSecond }: FakeHubOptions = {}): Promise<FakeHub> {
  const repos = new Map<string, FakeRepo>();
  const faults = new Map<string, Fault[]>();
  const served: Served[] = [];
  const blobs = new Map<string, Buffer>();

  const cdn = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://cdn").pathname;
    const name = decodeURIComponent(path.slice(path.indexOf("/", 1) + 1));
    const content = blobs.get(path.split("/")[1] ?? "");
    if (content === undefined) throw new Error(`the content network has no ${path}`);
    give("cdn", name, content, request, response);
  });
  const hub = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://hub");
    const api = /^\/api\/models\/(.+)\/revision\/([^/]+)$/.exec(url.pathname);
    if (api !== null) {
      info(api[1] ?? "", decodeURIComponent(api[2] ?? ""), url, request, response);
      return;
    }
    const [, repo = "", commit, path = ""] = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
    resolve(repo, commit ?? "", decodeURIComponent(path), request, response);
  });

  function info(
    repo: string,
    revision: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const fault = faults.get("hub api")?.shift();
    const found = repos.get(repo);
    if (fault?.kind === "status")
      return refuse(fault.status, fault.headers ?? {}, "", "api", request, response);
    if (request.headers.authorization === "Bearer hf_unknown") {
      const message = "Invalid credentials in Authorization header";
      return refuse(401, { "x-error-message": message }, message, "api", request, response);
    }
    if (found === undefined) {
      return refuse(401, {}, "Invalid username or password.", "api", request, response);
    }
    if (revision !== "main" && revision !== found.commit) {
      const code = { "x-error-code": "RevisionNotFound" };
      return refuse(404, code, `Invalid rev id: ${revision}`, "api", request, response);
    }
    const blob = url.searchParams.get("blobs") === "true";
    const siblings = Object.entries(found.files).map(([path, text]) => {
      const content = Buffer.from(text);
      const claim = found.claims?.[path] ?? {};
      if (!blob) return { rfilename: path };
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`;
      const lfs = { sha256: sha256(content), size: content.length, pointerSize: pointer.length };
      return inLfs.test(path)
        ? { rfilename: path, size: content.length, blobId: gitHash(Buffer.from(pointer)), lfs, ...claim }
        : { rfilename: path, size: content.length, blobId: gitHash(content), ...claim };
    });
    const body = JSON.stringify({
      id: repo,
      sha: found.commit,
      gated: found.gatedFor !== undefined,
      siblings,
    });
    response.writeHead(200, { "content-type": "application/json" }).end(body);
    note("hub", "api", request, 200, 0);
  }

  function resolve(
    repo: string,
    commit: string,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const found = repos.get(repo);
    const text = found?.files[path];
    const gate = found?.gatedFor;
    if (gate !== undefined && request.headers.authorization !== `Bearer ${gate}`) {
      const status = request.headers.authorization === undefined ? 401 : 403;
      const message = `Access to model ${repo} is restricted.`;
      return refuse(
        status,
        { "x-error-code": "GatedRepo", "x-error-message": message },
        message,
        path,
        request,
        response,
      );
    }
    if (text === undefined || found?.commit !== commit) {
      return refuse(404, { "x-error-code": "EntryNotFound" }, "Entry not found", path, request, response);
    }
    const content = Buffer.from(text);
    const lfs = inLfs.test(path);
    const next = faults.get(`hub ${path}`)?.[0];
    if (next?.kind === "status") {
      faults.get(`hub ${path}`)?.shift();
      return refuse(next.status, next.headers ?? {}, "", path, request, response);
    }
    response.setHeader("x-repo-commit", commit);
    if (!lfs) return give("hub", path, content, request, response);
    blobs.set(sha256(content), content);
    if (next?.kind === "linked-etag") faults.get(`hub ${path}`)?.shift();
    response.setHeader("x-linked-etag", `"${next?.kind === "linked-etag" ? next.value : sha256(content)}"`);
    response.setHeader("x-linked-size", content.length);
    const { port } = cdn.address() as AddressInfo;
    const location = `http://${address ?? "localhost"}:${port}/${sha256(content)}/${encodeURIComponent(path)}?${signature}`;
    response.writeHead(302, { location }).end();
    note("hub", path, request, 302, 0);
  }

  function give(
    server: "hub" | "cdn",
    path: string,
    content: Buffer,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const fault = faults.get(`${server} ${path}`)?.shift();
    if (fault?.kind === "status")
      return refuse(fault.status, fault.headers ?? {}, "", path, request, response, server);
    const bytes = fault?.kind === "bytes" ? fault.content : content;
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const ranged = asked !== undefined && fault?.kind !== "whole";
    const start = ranged ? Number(asked) : 0;
    if (ranged && start >= bytes.length) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      note(server, path, request, 416, 0);
      return;
    }
    const part = bytes.subarray(start);
    const status = ranged ? 206 : 200;
    response.writeHead(status, {
      "content-length": part.length,
      "accept-ranges": "bytes",
      etag: `"${inLfs.test(path) ? sha256(content) : gitHash(content)}"`,
      ...(ranged && { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    const cut = fault?.kind === "reset" || fault?.kind === "hold" ? fault : undefined;
    const sent = cut === undefined ? part : part.subarray(0, cut.after);
    const entry = note(server, path, request, status, 0);
    send(sent, response, entry, () => {
      if (cut === undefined) response.end();
      // An orderly end before the promised length: every byte that was sent arrives, and then no more.
      else if (cut.kind === "reset") response.socket?.end();
    });
  }

  /** In one go, or block by block where the hub is slow. */
  function send(content: Buffer, response: ServerResponse, entry: Served, done: () => void): void {
    if (content.length === 0 || response.destroyed) {
      done();
      return;
    }
    const block = content.subarray(0, bytesPerSecond === undefined ? content.length : 65_536);
    entry.sent += block.length;
    response.write(block, () => {
      const pause = bytesPerSecond === undefined ? 0 : (block.length / bytesPerSecond) * 1000;
      const rest = () => send(content.subarray(block.length), response, entry, done);
      if (pause === 0) rest();
      else setTimeout(rest, pause);
    });
  }

  function refuse(
    status: number,
    headers: Record<string, string>,
    message: string,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    server: "hub" | "cdn" = "hub",
  ): void {
    const body = message === "" ? "" : JSON.stringify({ error: message });
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    note(server, path, request, status, 0);
  }

  function note(
    server: "hub" | "cdn",
    path: string,
    { headers }: IncomingMessage,
    status: number,
    sent: number,
  ): Served {
    const { range, authorization } = headers;
    const entry = { server, path, range, authorization, status, sent };
    served.push(entry);
    return entry;
  }

  await listen(hub, address);
  await listen(cdn, address);
  return {
    endpoint: `http://${address ?? "127.0.0.1"}:${(hub.address() as AddressInfo).port}`,
    repos,
    faults,
    served,
    close: async () => {
      await Promise.all([hub, cdn].map(close));
    },
  };
}

function listen(server: Server, address = "127.0.0.1"): Promise<void> {
  return new Promise((resolve) => server.listen(0, address, resolve));
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

export function sha256(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex");
}

function gitHash(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** Bytes that look like nothing and are the same each time. */
export function weights(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  for (let state = seed, k = 0; k < size; k++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[k] = state >>> 16;
  }
  return bytes;
}

/** A small model of the shape of the large ones. */
export function tinyModel(more: Readonly<Record<string, Buffer | string>> = {}): FakeRepo {
  return {
    commit: "0123456789abcdef0123456789abcdef01234567",
    files: {
      ".gitattributes": "*.safetensors filter=lfs\n",
      "README.md": "# A model\n",
      LICENSE: "Do what is right.\n",
      "config.json": '{"model_type":"llama"}',
      "tokenizer.json": '{"version":"1.0"}',
      "tokenizer.model": weights(5000, 7),
      "model-00001-of-00002.safetensors": weights(300_000, 2),
      "model-00002-of-00002.safetensors": weights(200_000, 3),
      "model.safetensors.index.json": JSON.stringify({
        weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
      }),
      "pytorch_model.bin": weights(1000),
      "original/consolidated.00.pth": weights(1000),
      ...more,
    },
  };
}
