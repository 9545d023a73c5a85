import { SIMULATED_HEADER } from "../simulated-header.ts";
import { Accounting } from "./accounting.ts";
import { Batch } from "./batch.ts";
import { Connection } from "./connection.ts";
import type { Dialect, Refusal, ServerFacts } from "./dialects/dialect.ts";
import { dialects } from "./dialects/index.ts";
import type { Exchange } from "./exchange.ts";
import type { Head, HttpAnswer, Wire } from "./http.ts";
import type { LiveMetrics } from "./metrics.ts";
import type { SimulatorOptions } from "./options.ts";
import { PrefixCache } from "./prefix-cache.ts";
import { createRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import { TruthLog, type TruthRequest } from "./truth.ts";

/** What the simulator does to the world around it: a process, or a test. */
export interface SimulatorHost {
  /** Start to accept connections, once; `accepting` is called when it does, also when it did before. */
  listen(accepting: () => void): void;
  /** The process ends now, with nothing said to anyone. */
  exit(status: number, message: string): void;
  /** A request is over, well or not, with so many chunks sent. */
  requestEnded?(request: TruthRequest, chunks: number): void;
}

export interface SimulatorStats {
  readonly simulated: true;
  readonly dialect: string;
  readonly connectionsOpened: number;
  readonly connectionsOpen: number;
  /** Generation requests, and those being worked on. */
  readonly requests: number;
  readonly inFlight: number;
  readonly outputTokens: number;
  readonly chunks: number;
  /** Steps of the batch, and how late they ended: microseconds. */
  readonly steps: number;
  readonly overruns: number;
  readonly meanLateUs: number;
  readonly maxLateUs: number;
}

/** One simulated server, without its socket: what it is, what it counts, and where it is in its life. */
export class Simulator {
  readonly options: SimulatorOptions;
  readonly dialect: Dialect;
  readonly timeline: Timeline;
  readonly facts: ServerFacts;
  readonly batch: Batch;
  readonly truth: TruthLog;
  readonly prefixCache: PrefixCache | undefined;
  stopping = false;
  readonly #host: SimulatorHost;
  readonly accounting = new Accounting();
  readonly #connections = new Set<Connection>();
  readonly #exchanges = new Set<Exchange>();
  #connectionsOpened = 0;
  #requests = 0;
  #chunks = 0;
  readonly #leaked: Buffer[] = [];
  #stopLoading = () => {};
  #phase: number | "ready" = 0;
  #waiting: (() => void)[] = [];
  #dead = false;
  #gone = false;
  #drained: (() => void) | undefined;

  constructor(options: SimulatorOptions, port: number, timeline: Timeline, host: SimulatorHost) {
    this.options = options;
    this.timeline = timeline;
    this.dialect = dialects[options.dialect];
    this.#host = host;
    this.batch = new Batch(timeline, options.profile, createRandom(options.seed));
    this.truth = new TruthLog(options.truthFile);
    const { prefixCache, maxConcurrentRequests } = options.behaviour;
    this.prefixCache =
      (prefixCache ?? this.dialect.prefixCache.on)
        ? new PrefixCache(this.dialect.prefixCache.blockTokens)
        : undefined;
    this.facts = {
      model: options.model,
      contextLength: options.contextLength,
      maxBatch: options.profile.maxBatch,
      maxConcurrentRequests: maxConcurrentRequests ?? this.dialect.maxConcurrentRequests ?? Infinity,
      host: options.host,
      port,
      seed: options.seed,
    };
    this.accounting.metrics.maxBatch = options.profile.maxBatch;
    this.accounting.metrics.contextLength = options.contextLength;
    this.accounting.metrics.capacityTokens = options.profile.maxBatch * options.contextLength;
    this.accounting.metrics.startedSeconds = Date.now() / 1000;
  }

  /** Begins to load; `ready` is called at the end of it. */
  load(ready: () => void): void {
    const { exitWhileLoading } = this.options.behaviour.process ?? {};
    if (exitWhileLoading !== undefined) {
      const { afterMs, status, message } = exitWhileLoading;
      this.timeline.later(afterMs, () => this.exit(status, message));
    }
    this.#enter(0, ready);
  }

  /** Nobody listens when loading begins. */
  get refusesAtFirst(): boolean {
    return this.#loads && this.dialect.loading[0]?.refused === true;
  }

  get #loads(): boolean {
    return this.options.profile.loadMs > 0 || this.#stuck;
  }

  /** It never becomes ready. */
  get #stuck(): boolean {
    const { neverReady, exitWhileLoading } = this.options.behaviour.process ?? {};
    return neverReady === true || exitWhileLoading !== undefined;
  }

  #enter(phase: number, ready: () => void): void {
    if (this.#gone) return;
    const current = this.dialect.loading[phase];
    if (current === undefined && this.#stuck) return;
    this.#phase = current === undefined ? "ready" : phase;
    const proceed = () => {
      if (this.#gone) return;
      if (current === undefined) {
        ready();
        for (const call of this.#waiting.splice(0)) call();
      } else if (!this.#loads) this.#enter(phase + 1, ready);
      else
        this.#stopLoading = this.timeline.later(this.options.profile.loadMs * current.share, () =>
          this.#enter(phase + 1, ready),
        );
    };
    if (current?.refused === true) proceed();
    else this.#host.listen(proceed);
  }

  whenReady(call: () => void): void {
    if (this.#phase === "ready") call();
    else this.#waiting.push(call);
  }

  /** A response's head as the dialect writes it, and the line that no engine has. */
  head(head: Head): string {
    return this.dialect.head(head).replace(/\r\n$/, `${SIMULATED_HEADER}: 1\r\n\r\n`);
  }

  loadingAnswer(path: string): HttpAnswer | undefined {
    return this.#phase === "ready" ? undefined : this.dialect.loading[this.#phase]?.answer?.(path);
  }

  /** What a GET finds when the engine behind the server is dead. */
  deathAnswer(path: string): HttpAnswer | undefined {
    const { server } = this.dialect.engineDeath;
    return this.#dead && server !== "exits" && path === "/health" ? server.health : undefined;
  }

  /** Why a request that is in order cannot be taken now. */
  refusalNow(): Refusal | "hang" | undefined {
    const { server, streams } = this.dialect.engineDeath;
    if (this.#dead && server !== "exits") {
      if (streams === "hang") return "hang";
      const inStream = this.dialect.errorEvent(server.message);
      return { answer: this.dialect.failure(424, server.message), inStream };
    }
    if (this.#exchanges.size >= this.facts.maxConcurrentRequests) {
      const message = this.dialect.overloadMessage ?? "Too many requests";
      const inStream =
        this.dialect.overloadMessage === undefined ? {} : { inStream: this.dialect.errorEvent(message) };
      return { answer: this.dialect.failure(429, message), ...inStream };
    }
    return undefined;
  }

  accept(wire: Wire): Connection {
    const connection = new Connection(this, wire);
    this.#connections.add(connection);
    this.#connectionsOpened++;
    return connection;
  }

  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
  }

  nextRequest(): number {
    this.accounting.metrics.requests++;
    return this.#requests++;
  }

  exchangeStarts(exchange: Exchange): void {
    if (this.dialect.newRequestCutsStream === true) {
      for (const other of this.#exchanges)
        if (other.generation.stream) other.abort("close-after-done", "cut by another request");
    }
    this.#exchanges.add(exchange);
  }

  exchangeEnded(exchange: Exchange, outcome: string): void {
    this.#exchanges.delete(exchange);
    if (outcome === "cancelled") this.accounting.metrics.aborted++;
    else if (outcome !== "complete") this.accounting.metrics.failed++;
    this.#host.requestEnded?.(exchange.record, exchange.sentChunks);
    const { exit, leak } = this.options.behaviour.process ?? {};
    // Written to, since memory that is only asked for is nobody's yet.
    if (leak !== undefined) this.#leaked.push(Buffer.alloc(leak.mebibytesPerRequest * 1024 ** 2, 1));
    const { afterRequests, status = 1, message = "simulated crash" } = exit ?? {};
    if (afterRequests !== undefined && this.#requests - this.#exchanges.size >= afterRequests) {
      this.timeline.later(0, () => this.exit(status, message));
    }
    if (this.#exchanges.size === 0) this.#drained?.();
  }

  refused(): void {
    this.accounting.metrics.failed++;
  }

  /** A text event goes out with the step under way. */
  chunkQueued(): void {
    this.#chunks++;
    const { exit, engineDies } = this.options.behaviour.process ?? {};
    // Only after this step's events are written.
    if (exit?.afterChunks === this.#chunks)
      this.timeline.later(0, () => this.exit(exit.status, exit.message));
    if (engineDies?.afterChunks === this.#chunks) this.timeline.later(0, () => this.#die());
  }

  live(): LiveMetrics {
    const { metrics } = this.accounting;
    metrics.running = this.batch.running;
    metrics.waiting = this.batch.waiting;
    metrics.steps = this.batch.stats.steps;
    metrics.stepSequences = metrics.outputTokens;
    metrics.tokensPerSecond = metrics.decodeSeconds === 0 ? 0 : metrics.outputTokens / metrics.decodeSeconds;
    metrics.usedTokens = [...this.#exchanges].reduce((sum, { usedTokens }) => sum + usedTokens, 0);
    return metrics;
  }

  stats(): SimulatorStats {
    const { steps, overruns, lateSumUs, lateMaxUs } = this.batch.stats;
    return {
      simulated: true,
      dialect: this.dialect.name,
      connectionsOpened: this.#connectionsOpened,
      connectionsOpen: this.#connections.size,
      requests: this.#requests,
      inFlight: this.#exchanges.size,
      outputTokens: this.accounting.metrics.outputTokens,
      chunks: this.truth.chunkCount,
      steps,
      overruns,
      meanLateUs: steps === 0 ? 0 : lateSumUs / steps,
      maxLateUs: lateMaxUs,
    };
  }

  /** The simulator's own pages: truth and stats. */
  page(method: string, path: string, query: string): HttpAnswer | undefined {
    if (path === "/sim/stats" && method === "GET") {
      return { status: 200, contentType: "application/json", body: JSON.stringify(this.stats()) };
    }
    if (path !== "/sim/truth" || method !== "GET") return undefined;
    const body = [...this.truth.lines()].join("");
    if (query === "clear=1") this.truth.clear();
    return { status: 200, contentType: "application/x-ndjson", body };
  }

  /** The engine behind the HTTP server dies. */
  #die(): void {
    if (this.#dead || this.#gone) return;
    this.#dead = true;
    this.batch.halt();
    const { streams, message, server } = this.dialect.engineDeath;
    if (streams !== "hang")
      for (const exchange of this.#exchanges) exchange.abort(streams, "engine died", message);
    if (server === "exits") this.timeline.later(50, () => this.exit(1, "the simulated engine died"));
  }

  /** SIGTERM: ends as the engine does. Resolves when every connection is closed. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    for (const connection of this.#connections) if (connection.idle) connection.close();
    if (this.dialect.shutdown === "error") {
      for (const exchange of this.#exchanges)
        exchange.abort("error", "shut down", this.dialect.engineDeath.message);
    } else if (this.dialect.shutdown === "cut") {
      for (const exchange of this.#exchanges) exchange.abort("close", "shut down");
    }
    if (this.#exchanges.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    this.close();
  }

  /** Closes everything at once. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#stopLoading();
    this.batch.halt();
    for (const connection of this.#connections) connection.close("reset");
    this.truth.close();
  }

  exit(status: number, message: string): void {
    if (this.#gone) return;
    this.close();
    this.#host.exit(status, message);
  }
}
