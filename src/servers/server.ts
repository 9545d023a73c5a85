import type { Writable } from "node:stream";
import type { Startup } from "../results/schema/server.ts";

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
  /** Variables of this process that the server must not inherit: a profile keeps the environment it saw. */
  readonly withoutEnv?: readonly string[];
  readonly readiness: ReadinessProbe;
  readonly startTimeoutSeconds: number;
  readonly stopTimeoutSeconds: number;
  /** Hash of all that decides what is measured: see specHash in src/servers/spec-hash.ts. */
  readonly specHash: string;
  readonly simulated: boolean;
  /** How it runs in a cluster; the command is then the container's, and `env` holds no secret's value. */
  readonly container?: ContainerSpec;
}

/** What a pod needs beyond a process: made by src/engines, put into manifests by src/servers/kubernetes. */
export interface ContainerSpec {
  readonly image: string;
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
  readonly imagePullSecrets: readonly string[];
  /** In place of the image's entry point; without it `args` follow that. Both replace `command` of the spec. */
  readonly command?: readonly string[];
  /** What the image starts by itself, where `command` is absent: for who must wrap it (profiling). */
  readonly entryPoint?: readonly string[];
  readonly args: readonly string[];
  /** The container listens there. */
  readonly port: number;
  /** Variables that come from Secrets, by name. */
  readonly secretEnv: Readonly<Record<string, { readonly name: string; readonly key: string }>>;
  /** Absent: the image's own. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Whether that is root, which the restricted profile of Pod Security refuses. */
  readonly root: boolean;
  readonly readOnlyRoot: boolean;
  /** Folders the engine writes, on the node's disk or in memory. */
  readonly writable: readonly {
    readonly path: string;
    readonly medium: "disk" | "memory";
    readonly size?: string;
  }[];
  /** A tool from an image of its own: an init container copies `from` of that image to an empty folder, mounted at `to`. */
  readonly tool?: {
    readonly image: string;
    readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
    readonly from: string;
    readonly to: string;
  };
  /** `cpu` is asked for, and more may be used; `memory` is asked for and the limit. */
  readonly resources: { readonly gpus: number; readonly cpu?: string; readonly memory?: string };
  readonly sharedMemory?: string;
  /** Where the models share is mounted, read-only. */
  readonly modelsMount: string;
  readonly pool: {
    readonly name: string;
    readonly nodeSelector: Readonly<Record<string, string>>;
    readonly tolerations: readonly {
      readonly key?: string;
      readonly operator: "Exists" | "Equal";
      readonly value?: string;
      readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
    }[];
    readonly runtimeClass?: string;
    readonly gpuResource: string;
  };
  readonly probes: {
    /** Patient for longer than the server may take to start: who waits for it is to say so first. */
    readonly startup: ContainerProbe;
    /** A path that generates nothing, so that a probe during a load costs nothing. */
    readonly readiness: ContainerProbe;
    /** Lenient: a restart during a load ruins the measurement. Absent: none. */
    readonly liveness?: ContainerProbe;
  };
}

export interface ContainerProbe {
  readonly path: string;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
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

/** A server as it was when it was ready. */
export interface KnownInstance {
  readonly instance: string;
  readonly node?: string;
}

export interface ServerState {
  readonly running: boolean;
  readonly instance?: string;
  readonly restarts: number;
  readonly node?: string;
  readonly imageDigest?: string;
  /** Why it is not ready, in words: exit status and last log lines, ImagePullBackOff, OOMKilled. */
  readonly reason?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Of a server that was started again in its place: how the one before ended (a clause), and what to do. */
  readonly restartedAfter?: { readonly reason: string; readonly hint: string };
}

/** What a server has taken of its machine, all its processes together. */
export interface ServerUsage {
  /** CPU time since it began. */
  readonly cpuSeconds: number;
  /** Now: resident memory of processes, the working set of a container. */
  readonly memoryBytes: number;
}

/** Reads what a server takes; undefined where that can no longer be seen. Never rejects. */
type UsageReader = () => Promise<ServerUsage | undefined>;

/** A look at what a server takes, or why there is none. */
export interface UsageLook {
  readonly read?: UsageReader;
  readonly unread?: string;
  /** Ends what it holds open. */
  readonly close: () => void;
}

export interface ExecOptions {
  /** Takes standard output as it comes, as bytes; `stdout` of the answer is then empty. It is not ended. */
  readonly stdout?: Writable;
  /** Ends the command and rejects. */
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** 127 where there is no such program, as shells have it. */
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
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
  /** `known`: the instance that was asked until now. Where another has its place, the reason tells of that. */
  inspect(spec: Pick<ServerSpec, "runId" | "cellId">, known?: KnownInstance): Promise<ServerState>;
  /**
   * For whoever reads again and again what a server that is up takes of its machine. Never rejects. Absent where there is
   * no way to do it.
   */
  lookAtUsage?(spec: Pick<ServerSpec, "runId" | "cellId">): Promise<UsageLook>;
  /** The last lines of the server's log. */
  logs(spec: Pick<ServerSpec, "runId" | "cellId">, lines: number): Promise<readonly string[]>;
  /** Graceful stop, then kill. Returns when it is gone, also when it never was. */
  remove(spec: Pick<ServerSpec, "runId" | "cellId">): Promise<void>;
  /**
   * Runs a command beside the server, to its end: where the server runs, with the files and the network that it sees, and
   * as the user that it runs as (processes: on this machine; a cluster: pods/exec in the server's own container). Only the
   * step `profile` uses it, and only with a server that is up. A command that fails is an answer; rejects with
   * SERVER_EXEC_FAILED where it could not be run at all (the server is gone, the right is missing). Absent where there is
   * no way to do it.
   */
  exec?(
    spec: Pick<ServerSpec, "runId" | "cellId">,
    words: readonly string[],
    options?: ExecOptions,
  ): Promise<ExecResult>;
  /** Servers of a run (all runs without an id) that are up. */
  list(runId?: string): Promise<readonly { runId: string; cellId: string; server: RunningServer }[]>;
}

/** Pods beside a server on its node that may slow it: `namespace/name`. */
export interface Neighbours {
  /** Other benchmark servers, of any namespace. */
  readonly servers: readonly string[];
  /** Other tenants' pods that hold GPUs. */
  readonly gpuPods: readonly string[];
}

/** A server that was removed since nothing runs that would. */
export interface Orphan {
  readonly runId: string;
  readonly cellId: string;
  /** Why: its workflow is gone, or is over. */
  readonly reason: string;
}

/** A back end whose machines others use as well, and whose servers outlive a process. */
export interface ClusterBackend extends ServerBackend {
  /** What else is on the server's node; undefined where that may not be looked at, or no server is up. */
  neighbours(spec: Pick<ServerSpec, "runId" | "cellId">): Promise<Neighbours | undefined>;
  /** Removes servers of every run whose workflow is gone or over. Returns when they are gone. */
  removeOrphans(): Promise<readonly Orphan[]>;
}
