import type { Api, Generation, Refusal } from "./dialects/dialect.ts";
import { effectsHeader, effectsOf } from "./effects.ts";
import { Exchange } from "./exchange.ts";
import { type HttpAnswer, type HttpRequest, RequestReader, type Wire } from "./http.ts";
import type { Effects } from "./options.ts";
import { createRandom, mix } from "./random.ts";
import type { Simulator } from "./simulator.ts";
import type { ConnectionEnd } from "./stream-writer.ts";
import type { TruthRequest } from "./truth.ts";

const apis: Readonly<Record<string, Api>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
};

/** One client connection: reads requests, answers them one after the other, and closes as the dialect has it. */
export class Connection {
  readonly wire: Wire;
  readonly #simulator: Simulator;
  readonly #reader = new RequestReader();
  #exchange: Exchange | undefined;
  #busy = false;
  #closed = false;
  #answers = 0;
  #closeRequested = false;
  #closeDecided: "announced" | "silent" | undefined;
  #cancelIdle: (() => void) | undefined;

  constructor(simulator: Simulator, wire: Wire) {
    this.#simulator = simulator;
    this.wire = wire;
    if (simulator.dialect.idleFromStart === true) this.#waitIdle();
  }

  receive(bytes: Buffer): void {
    this.#reader.push(bytes);
    this.#proceed();
  }

  /** The client, or the network, closed it. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelIdle?.();
    this.#exchange?.clientLeft();
    this.#simulator.connectionClosed(this);
  }

  get idle(): boolean {
    return !this.#busy;
  }

  close(end: ConnectionEnd = "close"): void {
    if (this.#closed) return;
    if (end === "reset") this.wire.reset();
    else this.wire.end();
    this.closed();
  }

  /** Whether the answer now made is the connection's last. Counts it. */
  closeAfterThis(effects: Effects): "announced" | "silent" | undefined {
    this.#answers++;
    const { closeAfterRequests } = this.#simulator.options.behaviour;
    const limit = closeAfterRequests?.requests ?? this.#simulator.dialect.requestsPerConnection ?? Infinity;
    const silent = closeAfterRequests?.announced === false;
    if (effects.close !== undefined) this.#closeDecided = effects.close;
    else if (this.#closeRequested) this.#closeDecided = "announced";
    else if (this.#answers >= limit) this.#closeDecided = silent ? "silent" : "announced";
    return this.#closeDecided;
  }

  /** Sends a whole answer, and closes where it or the connection's limit says so. */
  answer(answer: HttpAnswer, effects: Effects): void {
    const decided = this.closeAfterThis(effects);
    const close = answer.close ?? decided;
    const bytes = Buffer.byteLength(answer.body);
    const head = this.#simulator.head({
      status: answer.status,
      headers: answer.headers ?? [],
      stream: false,
      close,
      ...(answer.contentType === undefined ? {} : { contentType: answer.contentType }),
      ...(answer.chunked === true ? {} : { length: bytes }),
      ...(answer.bare === true ? { bare: true } : {}),
    });
    const body =
      answer.chunked === true ? `${bytes.toString(16)}\r\n${answer.body}\r\n0\r\n\r\n` : answer.body;
    this.#closeDecided = close;
    this.wire.write(head + body, "utf8");
  }

  /** The exchange is over; what is next on this connection. */
  exchangeEnded(end: ConnectionEnd): void {
    const streamed = this.#exchange?.generation.stream === true;
    this.#exchange = undefined;
    if (end !== "keep") this.close(end);
    else if (streamed && this.#simulator.dialect.closesAfterStream === true) this.close();
    else this.#answered();
  }

  #answered(): void {
    this.#busy = false;
    if (this.#closed) return;
    if (this.#closeDecided !== undefined || this.#simulator.stopping) this.close();
    else {
      this.#waitIdle();
      this.#proceed();
    }
  }

  #waitIdle(): void {
    const { dialect, timeline } = this.#simulator;
    if (dialect.idleMs !== undefined) this.#cancelIdle = timeline.later(dialect.idleMs, () => this.close());
  }

  #proceed(): void {
    while (!this.#busy && !this.#closed) {
      const request = this.#reader.next();
      if (request === undefined) return;
      this.#cancelIdle?.();
      this.#busy = true;
      if ("refuse" in request) {
        this.#reply({ status: request.refuse, body: "", close: "announced" });
      } else this.#handle(request);
    }
  }

  #reply(answer: HttpAnswer, effects: Effects = {}): void {
    this.answer(answer, effects);
    this.#answered();
  }

  #handle(request: HttpRequest): void {
    const { dialect, facts } = this.#simulator;
    const { method, path } = request;
    this.#closeRequested = request.headers.get("connection")?.toLowerCase() === "close";
    if (path.startsWith("/sim/")) {
      this.#reply(this.#simulator.page(method, path, request.query) ?? { status: 404, body: "" });
      return;
    }
    const loading = this.#simulator.loadingAnswer(path) ?? this.#simulator.deathAnswer(path);
    if (loading !== undefined) {
      this.#reply(loading);
      return;
    }
    if (!this.#mayAsk(request)) {
      this.#reply(dialect.failure(401, "Unauthorized"));
      return;
    }
    const api = apis[path];
    if (api !== undefined && method === "POST") {
      this.#generate(api, request);
      return;
    }
    const page = method === "GET" ? dialect.get(path, facts, () => this.#simulator.live()) : undefined;
    this.#reply(page ?? dialect.notFound(method, path, api !== undefined));
  }

  #mayAsk({ path, headers }: HttpRequest): boolean {
    const { apiKey } = this.#simulator.options.behaviour;
    if (apiKey === undefined || !path.startsWith("/v1/") || path.startsWith("/v1/health/")) return true;
    return headers.get("authorization") === `Bearer ${apiKey}`;
  }

  #generate(api: Api, request: HttpRequest): void {
    const { dialect, facts, options } = this.#simulator;
    const index = this.#simulator.nextRequest();
    const asked = request.headers.get(effectsHeader);
    const effects = effectsOf(options.behaviour, options.seed, index, asked);
    if (effects === undefined) {
      this.#reply({
        status: 400,
        contentType: "text/plain",
        body: `${effectsHeader} is not understood: ${asked}\n`,
      });
      return;
    }
    const read = dialect.read(api, request.body, facts);
    const record = this.#record(api, index, request, read);
    if (effects.hang !== undefined && effects.hang.afterChunk === undefined) {
      record.outcome = "hang";
      return;
    }
    if (effects.garbage !== undefined) {
      this.#sendGarbage(effects.garbage, index, record);
      return;
    }
    if (effects.reject !== undefined) {
      const { status, retryAfterSeconds } = effects.reject;
      const { headers = [], ...rest } = dialect.failure(status, "simulated refusal");
      const retry = retryAfterSeconds === undefined ? [] : [`retry-after: ${retryAfterSeconds}`];
      this.#refused(record, { ...rest, headers: [...headers, ...retry] }, effects);
      return;
    }
    if ("answer" in read) {
      this.#refuse(read, record, effects);
      return;
    }
    const refusal = this.#simulator.refusalNow();
    if (refusal === "hang") record.outcome = "hang";
    else if (refusal !== undefined) this.#refuse({ ...refusal, streamed: read.stream }, record, effects);
    else {
      this.#exchange = new Exchange(this.#simulator, this, read, effects, record);
      this.#simulator.exchangeStarts(this.#exchange);
      this.#exchange.start();
    }
  }

  #record(api: Api, index: number, request: HttpRequest, read: Generation | Refusal): TruthRequest {
    const requestId = request.headers.get("x-request-id");
    const generation = "answer" in read ? undefined : read;
    const record: TruthRequest = {
      request: index,
      api,
      stream: generation?.stream ?? ("streamed" in read && read.streamed),
      ...(requestId === undefined ? {} : { requestId }),
      ...(this.wire.clientPort === undefined ? {} : { clientPort: this.wire.clientPort }),
      prompt: generation?.prompts[0]?.text.slice(0, 200) ?? "",
      promptTokens: 0,
      cachedTokens: 0,
      outputTokens: 0,
      text: "",
      reasoning: "",
      tool: "",
      receivedUs: this.#simulator.timeline.nowUs(),
      outcome: "running",
    };
    this.#simulator.truth.requests.push(record);
    return record;
  }

  #refuse(refusal: Refusal, record: TruthRequest, effects: Effects): void {
    if (refusal.fatal === true) {
      record.outcome = "refused";
      this.#simulator.exit(1, "killed by a request");
      return;
    }
    if (refusal.streamed !== true || refusal.inStream === undefined) {
      this.#refused(record, refusal.answer, effects);
      return;
    }
    const { dialect } = this.#simulator;
    const close = this.closeAfterThis(effects);
    const chunk = (text: string) => {
      const size = Buffer.byteLength(text).toString(16);
      return `${dialect.upperCaseChunkSizes === true ? size.toUpperCase() : size}\r\n${text}\r\n`;
    };
    const events = refusal.inStream === "" ? "" : chunk(refusal.inStream) + chunk("data: [DONE]\n\n");
    const head = this.#simulator.head({ status: 200, stream: true, close, ...dialect.streamHead(0) });
    this.wire.write(`${head}${events}0\r\n\r\n`, "utf8");
    record.status = 200;
    this.#simulator.refused();
    record.outcome = "refused";
    record.endUs = this.#simulator.timeline.nowUs();
    if (refusal.inStream === "" || dialect.closesAfterStream === true) this.close();
    else this.#answered();
  }

  #refused(record: TruthRequest, answer: HttpAnswer, effects: Effects): void {
    record.status = answer.status;
    record.outcome = "refused";
    record.endUs = this.#simulator.timeline.nowUs();
    this.#simulator.refused();
    this.#reply(answer, effects);
  }

  /** Answers that no API describes. */
  #sendGarbage(kind: NonNullable<Effects["garbage"]>, index: number, record: TruthRequest): void {
    const { options, timeline } = this.#simulator;
    record.outcome = "garbage";
    record.endUs = timeline.nowUs();
    const random = createRandom(mix(options.seed, index));
    const noise = Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256)));
    if (kind === "http") {
      this.wire.write(Buffer.concat([Buffer.from("\u0016\u0003\u0001 no HTTP\r\n"), noise]), "utf8");
      this.close();
      return;
    }
    record.status = 200;
    if (kind === "html") {
      const body = "<!doctype html><title>It works!</title><p>This is not an inference server.</p>\n";
      this.#reply({ status: 200, contentType: "text/html", body });
      return;
    }
    const head = this.#simulator.head({
      status: 200,
      stream: true,
      headers: [],
      contentType: "text/event-stream",
    });
    const body =
      kind === "json"
        ? Buffer.from('data: {"choices":[{"delta":{"content":"hal\n\ndata: }{\n\ndata: 42\n\n')
        : noise;
    const frame = [Buffer.from(`${head}${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")];
    this.wire.write(Buffer.concat(frame), "utf8");
    this.closeAfterThis({});
    this.#answered();
  }
}
