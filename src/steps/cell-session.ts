import { readFileSync } from "node:fs";
import type { Agent } from "node:http";
import type { CellPlan } from "../config/plan.ts";
import { resolveSecretEnv } from "../config/secrets.ts";
import { detectServer } from "../engines/detect.ts";
import { resolveServer } from "../engines/launch.ts";
import type { Report } from "../engines/pip.ts";
import type { ResolvedServer } from "../engines/resolved-server.ts";
import { LlmbenchError } from "../error.ts";
import { type Clock, startClock } from "../load/clock.ts";
import { createTransport } from "../load/create-transport.ts";
import type { RequestRecord } from "../load/record.ts";
import { requestOnce } from "../load/request-once.ts";
import type { Prompt } from "../load/request-source.ts";
import type { Transport, TransportOptions } from "../load/transport.ts";
import type { RunFolder } from "../results/run-folder.ts";
import type { Hardware } from "../results/schema/run.ts";
import type { ServerRecord, Startup } from "../results/schema/server.ts";
import type { ServerKey } from "../servers/registry.ts";
import type { ClusterBackend, Neighbours, RunningServer, ServerBackend } from "../servers/server.ts";
import { hashWithImage } from "../servers/spec-hash.ts";
import { StandingBackend } from "../servers/standing.ts";
import { createAgent, createGet } from "./http-get.ts";
import { LengthPrompts } from "./length-prompts.ts";
import { type Asking, promptsOf, singleRequest } from "./request-plan.ts";
import type { ServerRef } from "./server-ref.ts";
import { ServerWatch } from "./server-watch.ts";

export interface CellSessionOptions {
  readonly run: RunFolder;
  readonly cell: CellPlan;
  /** The cell whose server it is measured on, where two cells of an A/B share one. Default: its own. */
  readonly serverCell?: CellPlan;
  readonly hardware: Hardware;
  /** Keeps the servers that are processes of this machine; one for all cells. */
  readonly processes: ServerBackend;
  /** Keeps those that are pods of a cluster; likewise. */
  readonly cluster: ClusterBackend;
  /** How this program is started, for simulated engines. */
  readonly selfCommand: readonly string[];
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly mask: (text: string) => string;
}

/** Tokens of the completion that proves that a server answers. */
const proofTokens = 8;

/** One cell's server and how it is asked, for all steps of a process. State that must last is in the run folder. */
export class CellSession {
  readonly cell: CellPlan;
  readonly lengths: LengthPrompts;
  /** By which back ends know its server. */
  readonly serverKey: ServerKey;
  readonly #options: CellSessionOptions;
  #resolved: Promise<ResolvedServer> | undefined;
  #standing: StandingBackend | undefined;
  /** Shared with sessions of the same server started otherwise: the back end asks one of them for the log's path. */
  #next = { deployment: 1 };

  constructor(options: CellSessionOptions) {
    this.cell = options.cell;
    this.#options = options;
    this.serverKey = { runId: options.run.id, cellId: (options.serverCell ?? options.cell).id };
    this.lengths = new LengthPrompts(this);
  }

  /** The same cell with its server started otherwise: in its place, one of the two is up at a time. */
  startedAs(change: (resolved: ResolvedServer) => ResolvedServer): CellSession {
    const session = new CellSession(this.#options);
    session.#resolved = this.resolve().then(change);
    session.#next = this.#next;
    return session;
  }

  /** What will run: installs what is missing. Throws ENGINE_*, MODEL_*, INSTALL_*. */
  resolve(): Promise<ResolvedServer> {
    const { run, cell, serverCell = cell, hardware, selfCommand, report, signal } = this.#options;
    return (this.#resolved ??= resolveServer({
      runId: run.id,
      cell: serverCell,
      hardware,
      selfCommand,
      ...(run.record.plan.cluster === undefined ? {} : { cluster: run.record.plan.cluster }),
      report,
      signal,
      resolveSecrets: resolveSecretEnv,
    }));
  }

  async backend(): Promise<ServerBackend> {
    if (this.cell.server.kind === "kubernetes") return this.#options.cluster;
    if (this.cell.server.kind !== "standing") return this.#options.processes;
    const { url } = this.cell.server;
    return (this.#standing ??= new StandingBackend({ url, get: await this.#getter(url) }));
  }

  /** Starts the server unless this very one is up. The deployment's number changes when the instance does. */
  async ensure(known?: ServerRef): Promise<ServerRef> {
    const backend = await this.backend();
    const { spec } = await this.resolve();
    this.#next.deployment = Math.max(0, ...(await this.#options.run.listDeployments(this.cell.id))) + 1;
    return await this.#refTo(await backend.ensure(spec), known);
  }

  /** Where the output of a deployment's server goes; by default of the one that is about to start. */
  logPath(deployment = this.#next.deployment): string {
    return this.#options.run.paths.deployment(this.serverKey.cellId, deployment).log;
  }

  async #refTo(server: RunningServer, known: ServerRef | undefined): Promise<ServerRef> {
    const { instance, url } = server;
    return { cell: this.cell.id, deployment: await this.#deploymentOf(server, known), instance, url };
  }

  async #deploymentOf(server: RunningServer, known: ServerRef | undefined): Promise<number> {
    if (known?.instance === server.instance) return known.deployment;
    const { run } = this.#options;
    for (const deployment of (await run.listDeployments(this.cell.id)).reverse()) {
      const stored = await run.readServer(this.cell.id, deployment);
      if (stored.found && stored.value.instance === server.instance) return deployment;
    }
    return this.#next.deployment;
  }

  /** Ensures the server and waits until it answers; writes server.json of a deployment that has none. */
  async ready(known?: ServerRef): Promise<{ server: ServerRef; startup: Startup }> {
    const backend = await this.backend();
    const { spec } = await this.resolve();
    const { run, signal } = this.#options;
    const ensured = await this.ensure(known);
    const stored = await run.readServer(this.cell.id, ensured.deployment);
    if (stored.found && stored.value.instance === ensured.instance)
      return { server: ensured, startup: stored.value.startup };
    const { server: running, startup } = await backend.waitReady(
      spec,
      async (running, signal) => {
        const failure = await this.prove(running.url, signal);
        if (failure !== undefined) throw new LlmbenchError("SERVER_NO_COMPLETION", failure.message);
      },
      signal,
    );
    // One whose port was taken in between has been started again on another.
    const server = await this.#refTo(running, ensured);
    await run.writeServer(await this.#serverRecord(server, startup, backend.kind));
    return { server, startup };
  }

  /** Hash of all that decides what is measured on a server that was ready: what was asked for, and what came. */
  async specHash({ deployment, instance }: ServerRef): Promise<string> {
    const stored = await this.#options.run.readServer(this.cell.id, deployment);
    if (stored.found && stored.value.instance === instance) return stored.value.specHash;
    return (await this.resolve()).spec.specHash;
  }

  /** Sends one short completion; resolves with what went wrong with it, if anything. */
  async prove(url: string, signal: AbortSignal): Promise<RequestRecord["error"]> {
    const prompts = await promptsOf(this.cell, 0);
    return (await this.ask(url, prompts(0), proofTokens, { signal })).error;
  }

  /**
   * Sends one request outside a measurement. Never rejects because of the server: see `error` of the record. `freely`:
   * the answer is kept, and ends where the model ends it.
   */
  async ask(
    url: string,
    prompt: Prompt,
    outputTokens: number,
    { signal, freely = false }: { readonly signal?: AbortSignal; readonly freely?: boolean } = {},
  ): Promise<RequestRecord> {
    const asking = await this.asking(url);
    const { cell } = this;
    const free = { ...cell, request: { ...cell.request, forceOutputLength: false } };
    const clock = startClock();
    const transport = await this.transport(url, clock, 1);
    try {
      return await requestOnce({
        transport,
        clock,
        request: singleRequest(freely ? { ...asking, cell: free } : asking, prompt, outputTokens),
        timeoutMs: this.cell.request.timeoutSeconds * 1000,
        read: { maxTokens: outputTokens, saveText: freely },
        ...(signal === undefined ? {} : { signal }),
      });
    } finally {
      await transport.close();
    }
  }

  /**
   * Servers of other cells and runs that are up on the machine of the server at `url`, in words: this machine's list of
   * servers knows those that an llmbench of this user started.
   */
  async otherServers(url: string): Promise<string[]> {
    if (this.cell.server.kind === "kubernetes") return [...((await this.neighbours())?.servers ?? [])];
    if (!isLoopback(new URL(url).hostname)) return [];
    const { run, processes } = this.#options;
    const up = await processes.list();
    // An A/B whose servers both stay up was asked to have the other one there.
    const wanted = run.record.ab?.servers === "both" ? [run.record.ab.a, run.record.ab.b] : [];
    const own = [this.serverKey.cellId, ...wanted];
    return up
      .filter((other) => other.server.url !== url && (other.runId !== run.id || !own.includes(other.cellId)))
      .map((other) => `${other.cellId} of run ${other.runId}`);
  }

  /** What else is on the server's node of a cluster; undefined where that may not be looked at, and elsewhere. */
  async neighbours(): Promise<Neighbours | undefined> {
    if (this.cell.server.kind !== "kubernetes") return undefined;
    const { run, cluster } = this.#options;
    return await cluster.neighbours({ runId: run.id, cellId: this.cell.id });
  }

  async asking(url: string): Promise<Asking> {
    const resolved = await this.resolve();
    return {
      cell: this.cell,
      servedName: resolved.model.servedName,
      dialect: resolved.dialect,
      headers: resolved.standing?.headers ?? {},
      pathPrefix: new URL(url).pathname.replace(/\/+$/, ""),
    };
  }

  async transport(url: string, clock: Clock, maxConnections: number | undefined): Promise<Transport> {
    return createTransport({ ...(await this.transportOptions(url, maxConnections)), clock });
  }

  /** What a transport to the server is made with, beside its clock. */
  async transportOptions(
    url: string,
    maxConnections: number | undefined,
  ): Promise<Omit<TransportOptions, "clock">> {
    const { dialect, standing } = await this.resolve();
    return {
      origin: new URL(url).origin,
      maxIdleMs: dialect.maxIdleMs,
      ...(dialect.closesAfterStream ? { freshConnections: true } : {}),
      ...(maxConnections === undefined ? {} : { maxConnections }),
      ...(standing?.caFile === undefined ? {} : { tls: { ca: readFileSync(standing.caFile, "utf8") } }),
    };
  }

  /** Looks at the server while it is measured; undefined where the plan does not ask for it, or there is nothing to see. */
  async watch(server: ServerRef, clock: Clock): Promise<{ watch: ServerWatch; close(): void } | undefined> {
    const { serverMetricsSeconds } = this.cell.request;
    if (serverMetricsSeconds === undefined) return undefined;
    const { metrics, simulated, spec } = await this.resolve();
    const usage = (await (await this.backend()).lookAtUsage?.(spec)) ?? {
      unread: "llmbench did not start it",
      close: () => {},
    };
    const names = metrics ?? { path: "", names: {} };
    if (Object.keys(names.names).length === 0 && usage.read === undefined) return undefined;
    const agent = createAgent(server.url);
    const watch = new ServerWatch({
      clock,
      everyMs: serverMetricsSeconds * 1000,
      metrics: names,
      simulated,
      get: await this.#getter(server.url, agent),
      usage,
      mask: this.#options.mask,
    });
    const close = () => {
      usage.close();
      agent.destroy();
    };
    return { watch, close };
  }

  async #getter(url: string, agent?: Agent) {
    const { standing } = await this.resolve();
    return createGet({
      url,
      ...(agent === undefined ? {} : { agent, timeoutMs: 2000 }),
      ...(standing === undefined ? {} : { headers: standing.headers }),
      ...(standing?.caFile === undefined ? {} : { ca: readFileSync(standing.caFile, "utf8") }),
    });
  }

  async #serverRecord(
    server: ServerRef,
    startup: Startup,
    backend: ServerBackend["kind"],
  ): Promise<ServerRecord> {
    const resolved = await this.resolve();
    const { spec, model } = resolved;
    const said = await detectServer(await this.#getter(server.url), this.cell.engine).catch(() => undefined);
    const state = await (await this.backend()).inspect(spec);
    const { mask } = this.#options;
    return {
      schemaVersion: 1,
      simulated: resolved.simulated,
      cell: this.cell.id,
      deployment: server.deployment,
      instance: server.instance,
      // The simulator is the same in whatever image of ours it comes.
      specHash: resolved.simulated ? spec.specHash : hashWithImage(spec.specHash, state.imageDigest),
      url: server.url,
      backend,
      engine: this.cell.engine,
      engineVersion:
        resolved.engineVersion === "unknown" ? (said?.version ?? "unknown") : resolved.engineVersion,
      dialect: resolved.dialect.name,
      command: spec.command.map(mask),
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      env: Object.fromEntries(
        Object.entries(spec.env).map(([name, value]) => [
          name,
          spec.secretEnv.includes(name) ? "(secret)" : mask(value),
        ]),
      ),
      ...(spec.container === undefined ? {} : { image: spec.container.image }),
      ...(state.imageDigest === undefined ? {} : { imageDigest: state.imageDigest }),
      ...(state.node === undefined ? {} : { node: state.node }),
      ...(resolved.checkout === undefined ? {} : { checkout: resolved.checkout }),
      model: {
        id: model.id,
        servedName: model.servedName,
        ...(model.path === undefined ? {} : { path: model.path }),
        ...(model.hash === undefined ? {} : { hash: model.hash }),
        ...(model.precision === undefined ? {} : { precision: model.precision }),
      },
      startup,
      ...(resolved.profiler === undefined ? {} : { profiler: resolved.profiler }),
      startedAt: new Date().toISOString(),
      ...(said === undefined ? {} : { reported: said.reported }),
    };
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}
