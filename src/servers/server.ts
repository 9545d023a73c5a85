import type { Startup } from "../results/schema.ts";

/** How to start one server: made by src/engines from a cell, so that back ends know no engine. */
export interface ServerSpec {
  readonly runId: string;
  readonly cellId: string;
  /** Words of the command; `{port}` and `{host}` are replaced by the back end, which chooses the port. */
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Names in `env` whose values never reach a file, a log or a message. */
  readonly secretEnv: readonly string[];
  readonly readiness: ReadinessProbe;
  readonly startTimeoutSeconds: number;
  readonly stopTimeoutSeconds: number;
  /** Hash of all that decides what is measured: see specHash in src/servers/spec-hash.ts. */
  readonly specHash: string;
  readonly simulated: boolean;
}

export interface ReadinessProbe {
  /** GET answers 2xx when the engine can serve. */
  readonly path: string;
  /** Seconds one probe may take (SGLang's generates a token). */
  readonly timeoutSeconds: number;
}

export interface RunningServer {
  /** Changes with every new process or pod. */
  readonly instance: string;
  /** http://127.0.0.1:PORT, without a trailing slash. */
  readonly url: string;
  readonly pid?: number;
}

export interface ServerState {
  readonly running: boolean;
  readonly instance?: string;
  readonly restarts: number;
  readonly node?: string;
  readonly imageDigest?: string;
  /** Why it is not ready, in words: exit status and last log lines, ImagePullBackOff, OOMKilled. */
  readonly reason?: string;
}

/** Keeps one server of a cell alive and takes it down. All methods are idempotent. */
export interface ServerBackend {
  readonly kind: "process" | "kubernetes" | "standing";
  /** Starts the server unless this very spec already runs. */
  ensure(spec: ServerSpec): Promise<RunningServer>;
  /**
   * Resolves when the readiness probe passes; rejects early with the reason when the server cannot become ready.
   * `complete` sends one real completion; ready means that it came back as well.
   */
  waitReady(
    spec: ServerSpec,
    complete: (server: RunningServer, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ server: RunningServer; startup: Startup }>;
  inspect(spec: Pick<ServerSpec, "runId" | "cellId">): Promise<ServerState>;
  /** The last lines of the server's log. */
  logs(spec: Pick<ServerSpec, "runId" | "cellId">, lines: number): Promise<readonly string[]>;
  /** Graceful stop, then kill. Returns when it is gone, also when it never was. */
  remove(spec: Pick<ServerSpec, "runId" | "cellId">): Promise<void>;
  /** Servers of a run (all runs without an id) that are up. */
  list(runId?: string): Promise<readonly { runId: string; cellId: string; server: RunningServer }[]>;
}
