import { Answer, type AnswerEnd, type Piece } from "./answer.ts";
import { Choice } from "./choice.ts";
import type { Connection } from "./connection.ts";
import type { AnswerIdentity, Generation, Prompt, StreamForm, Tally } from "./dialects/dialect.ts";
import type { Effects } from "./options.ts";
import { createRandom, hashText, mix } from "./random.ts";
import type { Simulator } from "./simulator.ts";
import { type ConnectionEnd, StreamWriter } from "./stream-writer.ts";
import type { TruthRequest } from "./truth.ts";

/** One accepted generation: from the batch's tokens to the bytes of the answer. */
export class Exchange {
  readonly generation: Generation;
  readonly record: TruthRequest;
  #choices: Choice[] = [];
  #ended = false;
  #headSent = false;
  readonly #simulator: Simulator;
  readonly #connection: Connection;
  readonly #effects: Effects;
  readonly #identity: AnswerIdentity;
  readonly #form: StreamForm;
  readonly #writer: StreamWriter | undefined;

  constructor(
    simulator: Simulator,
    connection: Connection,
    generation: Generation,
    effects: Effects,
    record: TruthRequest,
  ) {
    this.#simulator = simulator;
    this.#connection = connection;
    this.#effects = effects;
    this.record = record;
    const usage = effects.usage ?? "dialect";
    this.generation = {
      ...generation,
      includeUsage: usage === "dialect" ? generation.includeUsage : usage !== "never",
      continuousUsage: usage === "continuous" || (generation.continuousUsage && usage !== "never"),
      usageHidden: usage === "never",
    };
    const { dialect, facts } = simulator;
    const created = Math.floor(Date.now() / 1000);
    this.#identity = dialect.identity(facts, generation.api, record.request, created);
    this.#form = dialect.stream(this.generation, this.#identity);
    this.#writer = generation.stream ? this.#createWriter() : undefined;
  }

  /** Tokens that it holds in the engine's cache. */
  get usedTokens(): number {
    return this.#choices.reduce(
      (sum, { ended, tally }) => sum + (ended ? 0 : tally.promptTokens + tally.outputTokens),
      0,
    );
  }

  /** Chunks that have gone out; 0 for an answer that is not streamed. */
  get sentChunks(): number {
    return this.#writer?.sentChunks ?? 0;
  }

  start(): void {
    const { dialect, batch } = this.#simulator;
    const { prompts, choicesPerPrompt, maxTokens } = this.generation;
    if (this.#writer !== undefined && dialect.headersWith === "acceptance") this.#sendHead(this.#writer);
    for (const prompt of prompts) {
      const cachedTokens = this.#readPrompt(prompt);
      for (let n = 0; n < choicesPerPrompt; n++) this.#addChoice(prompt, n, cachedTokens);
    }
    if (this.#ended) return;
    if (maxTokens === 0) {
      for (const choice of this.#choices) choice.ended = true;
      this.#finish();
      return;
    }
    this.#simulator.whenReady(() => {
      for (const choice of this.#choices) if (!choice.cancelled) batch.submit(choice);
    });
  }

  #createWriter(): StreamWriter {
    const { dialect, options, timeline, truth } = this.#simulator;
    return new StreamWriter({
      wire: this.#connection.wire,
      timeline,
      truth,
      request: this.record.request,
      effects: this.#effects,
      random: createRandom(mix(options.seed, this.record.request)),
      upperCaseChunkSizes: dialect.upperCaseChunkSizes === true,
      commentEveryMs: dialect.commentEveryMs,
      errorEvent: dialect.errorEvent,
      done: this.#form.done,
      over: (outcome, end) => this.#finished(outcome, end),
    });
  }

  /** Counts a prompt's tokens; how many of them need not be computed. */
  #readPrompt({ pieces }: Prompt): number {
    const { prefixCache, accounting } = this.#simulator;
    const cached = prefixCache !== undefined && this.generation.cachePrompt ? prefixCache.use(pieces) : 0;
    this.record.promptTokens += pieces.length;
    this.record.cachedTokens += cached;
    accounting.promptRead(pieces.length, cached);
    return cached;
  }

  #addChoice(prompt: Prompt, n: number, cachedTokens: number): void {
    const { generation, record } = this;
    const { dialect, timeline, options, accounting } = this.#simulator;
    const plan = {
      key: mix(mix(options.seed, hashText(prompt.text)), n),
      maxTokens: generation.maxTokens,
      minTokens: generation.minTokens,
      ignoreEnd: generation.ignoreEnd,
      stops: generation.stops,
      chat: generation.api === "chat",
    };
    const us = timeline.nowUs();
    const tally: Tally = {
      promptTokens: prompt.pieces.length,
      cachedTokens,
      outputTokens: 0,
      reasoningTokens: 0,
      receivedUs: record.receivedUs,
      startedUs: us,
      firstTokenUs: us,
      lastTokenUs: us,
    };
    this.#choices.push(
      new Choice(
        this.#choices.length,
        new Answer(plan, this.#effects, dialect.textStyle(generation)),
        tally,
        () => accounting.sequenceStarted(tally),
        (choice, dueUs) => this.#token(choice, dueUs),
      ),
    );
  }

  /** One more token of a choice; false when it was the last. */
  #token(choice: Choice, dueUs: number): boolean {
    const { tally, answer } = choice;
    const { accounting } = this.#simulator;
    const pieces = answer.next();
    accounting.tokenMade(tally, dueUs);
    if (tally.outputTokens === 0) tally.firstTokenUs = dueUs;
    tally.lastTokenUs = dueUs;
    tally.outputTokens = answer.countedTokens;
    tally.reasoningTokens = answer.reasoningTokens;
    choice.untold++;
    const { end } = answer;
    if (end !== undefined) {
      choice.ended = true;
      accounting.sequenceEnded(tally, end.reason === "length");
    }
    if (this.#writer !== undefined) this.#send(this.#writer, choice, pieces, end);
    else for (const piece of pieces) choice.keep(piece);
    if (end !== undefined && this.#choices.every(({ ended }) => ended)) this.#finish();
    else this.#writer?.flush();
    return end === undefined && !this.#ended;
  }

  #send(writer: StreamWriter, choice: Choice, pieces: readonly Piece[], end: AnswerEnd | undefined): void {
    if (!this.#headSent) this.#sendHead(writer);
    const last = pieces.length - 1;
    for (const [i, piece] of pieces.entries()) {
      this.#sendPiece(writer, choice, piece, i === last ? end : undefined);
    }
    if (pieces.length === 0 && end !== undefined) this.#sendPiece(writer, choice, undefined, end);
  }

  #sendPiece(
    writer: StreamWriter,
    choice: Choice,
    piece: Piece | undefined,
    end: AnswerEnd | undefined,
  ): void {
    const allEnded = end !== undefined && this.#choices.every(({ ended }) => ended);
    const view = choice.view(end, allEnded, this.#effects.omitFinish === true);
    const { before, text, after } = this.#form.chunks(view, piece);
    if (before !== undefined) writer.event(before);
    if (text !== undefined && !writer.ended) {
      const bytes = piece === undefined ? 0 : Buffer.byteLength(piece.text);
      if (piece === undefined || bytes === 0) writer.event(text);
      else {
        choice.keep(piece);
        writer.event(text, { tokens: choice.untold, bytes, kind: piece.kind, choice: choice.index });
        choice.untold = 0;
        this.#simulator.chunkQueued();
      }
    }
    if (after !== undefined) writer.event(after);
  }

  #sendHead(writer: StreamWriter): void {
    const { dialect, timeline } = this.#simulator;
    this.#headSent = true;
    this.record.status = 200;
    this.record.headersUs = timeline.nowUs();
    const close = this.#connection.closeAfterThis(this.#effects);
    writer.head(
      this.#simulator.head({
        status: 200,
        stream: true,
        close,
        ...dialect.streamHead(this.generation.characters),
      }),
    );
    if (this.#form.opening === undefined) return;
    writer.event(this.#form.opening);
    writer.flush();
  }

  #finish(): void {
    const total = this.#total();
    const writer = this.#writer;
    if (writer === undefined) {
      this.#sendWhole(total);
      return;
    }
    if (!this.#headSent) this.#sendHead(writer);
    for (const choice of this.#choices) {
      if (!choice.begun) this.#sendPiece(writer, choice, undefined, { reason: "length" });
    }
    const closing = this.#form.closing(total);
    if (closing !== undefined) writer.event(closing);
    if (this.#form.done !== undefined) writer.event(this.#form.done);
    writer.finish();
  }

  #sendWhole(total: Tally): void {
    const { dialect, timeline } = this.#simulator;
    const choices = this.#choices.map((choice) => choice.whole());
    const answer = dialect.whole(this.generation, this.#identity, choices, total);
    const send = () => {
      if (this.#ended) return;
      this.record.status = answer.status;
      this.record.headersUs = timeline.nowUs();
      this.#connection.answer(answer, this.#effects);
      this.#finished("complete");
    };
    const { slowHeadersMs } = this.#effects;
    if (slowHeadersMs === undefined) send();
    else timeline.later(slowHeadersMs, send);
  }

  #total(): Tally {
    const tallies = this.#choices.map(({ tally }) => tally);
    const [first] = tallies;
    const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
    const us = this.record.receivedUs;
    return {
      promptTokens: this.record.promptTokens,
      cachedTokens: this.record.cachedTokens,
      outputTokens: sum(({ outputTokens }) => outputTokens),
      reasoningTokens: sum(({ reasoningTokens }) => reasoningTokens),
      receivedUs: us,
      startedUs: first?.startedUs ?? us,
      firstTokenUs: first?.firstTokenUs ?? us,
      lastTokenUs: Math.max(...tallies.map(({ lastTokenUs }) => lastTokenUs)),
    };
  }

  /** The engine died, the server stops, or another request takes its place. */
  abort(how: "error" | "close" | "close-after-done", outcome: string, message = ""): void {
    if (this.#ended) return;
    this.#cancelSequences();
    if (this.#writer !== undefined) {
      if (how === "error" && !this.#headSent) this.#sendHead(this.#writer);
      this.#writer.abort(how, outcome, message);
    } else if (how === "error") {
      this.#connection.answer(this.#simulator.dialect.failure(500, message), this.#effects);
      this.#finished(outcome);
    } else this.#finished(outcome, "close");
  }

  /** The client left. */
  clientLeft(): void {
    if (this.#ended || (this.#writer === undefined && this.#simulator.dialect.unstreamedRunsOn === true))
      return;
    this.#writer?.drop();
    this.#finished("cancelled", "close");
  }

  #cancelSequences(): void {
    for (const choice of this.#choices) if (!choice.ended) choice.cancelled = true;
  }

  #finished(outcome: string, end: ConnectionEnd = "keep"): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelSequences();
    const [first] = this.#choices;
    const { record } = this;
    record.outcome = outcome;
    record.endUs = this.#simulator.timeline.nowUs();
    record.outputTokens = this.#choices.reduce((sum, { tally }) => sum + tally.outputTokens, 0);
    record.text = first?.content.join("") ?? "";
    record.reasoning = first?.reasoning.join("") ?? "";
    record.tool = first?.tool ?? "";
    if (outcome === "complete" && first?.answer.end !== undefined) record.finish = first.answer.end.reason;
    this.#simulator.exchangeEnded(this, outcome);
    this.#connection.exchangeEnded(end);
  }
}
