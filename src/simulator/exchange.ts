import { Answer, type AnswerEnd, type Piece } from "./answer.ts";
import type { Sequence } from "./batch.ts";
import type { Connection } from "./connection.ts";
import type { ChoiceView, Generation, StreamForm, Tally, WholeChoice } from "./dialects/dialect.ts";
import type { Effects } from "./options.ts";
import { createRandom, hashText, mix } from "./random.ts";
import type { Simulator } from "./simulator.ts";
import { type ConnectionEnd, StreamWriter } from "./stream-writer.ts";
import type { TruthRequest } from "./truth.ts";

/** One choice of an answer while it is made. */
interface Choice {
  readonly index: number;
  readonly answer: Answer;
  readonly tally: Tally;
  readonly sequence: Sequence;
  offset: number;
  started: boolean;
  ended: boolean;
  /** Tokens made since the last event with text. */
  untold: number;
  content: string[];
  reasoning: string[];
  toolName: string;
  toolArguments: string[];
  tokenTexts: string[];
}

/** One accepted generation: from the batch's tokens to the bytes of the answer. */
export class Exchange {
  readonly generation: Generation;
  readonly record: TruthRequest;
  #choices: Choice[] = [];
  #writer: StreamWriter | undefined;
  #form: StreamForm | undefined;
  #ended = false;
  #headSent = false;
  readonly #simulator: Simulator;
  readonly #connection: Connection;
  readonly #effects: Effects;

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
  }

  start(): void {
    const { dialect, facts, options, timeline, truth, batch, prefixCache } = this.#simulator;
    const { generation, record } = this;
    const identity = dialect.identity(facts, generation.api, record.request, Math.floor(Date.now() / 1000));
    this.#form = dialect.stream(generation, identity);
    if (generation.stream) {
      this.#writer = new StreamWriter({
        wire: this.#connection.wire,
        timeline,
        truth,
        request: record.request,
        effects: this.#effects,
        random: createRandom(mix(options.seed, record.request)),
        upperCaseChunkSizes: dialect.upperCaseChunkSizes === true,
        commentEveryMs: dialect.commentEveryMs,
        errorEvent: dialect.errorEvent,
        done: this.#form.done,
        over: (outcome, end) => this.#finished(outcome, end),
      });
      if (dialect.headersWith === "acceptance") this.#sendHead();
    }
    for (const [promptIndex, prompt] of generation.prompts.entries()) {
      const cached = prefixCache !== undefined && generation.cachePrompt ? prefixCache.use(prompt.pieces) : 0;
      record.promptTokens += prompt.pieces.length;
      record.cachedTokens += cached;
      this.#simulator.promptRead(prompt.pieces.length, cached);
      for (let n = 0; n < generation.choicesPerPrompt; n++) {
        const index = promptIndex * generation.choicesPerPrompt + n;
        const key = mix(mix(options.seed, hashText(prompt.text)), n);
        this.#addChoice(index, key, prompt.pieces.length, cached);
      }
    }
    if (this.#choices.every(({ ended }) => ended)) this.#finish();
    else if (!this.#ended) {
      this.#simulator.whenReady(() => {
        for (const { sequence, ended } of this.#choices)
          if (!ended && !sequence.cancelled) batch.submit(sequence);
      });
    }
  }

  #addChoice(index: number, key: number, promptTokens: number, cachedTokens: number): void {
    const { generation, record } = this;
    const { dialect, timeline } = this.#simulator;
    const answer = new Answer(
      {
        key,
        maxTokens: generation.maxTokens,
        minTokens: generation.minTokens,
        ignoreEnd: generation.ignoreEnd,
        stops: generation.stops,
        chat: generation.api === "chat",
      },
      this.#effects,
      dialect.textStyle(generation),
    );
    const us = timeline.nowUs();
    const tally: Tally = {
      promptTokens,
      cachedTokens,
      outputTokens: 0,
      reasoningTokens: 0,
      receivedUs: record.receivedUs,
      startedUs: us,
      firstTokenUs: us,
      lastTokenUs: us,
    };
    const sequence = {
      prefillTokens: promptTokens - cachedTokens,
      cancelled: false,
      started: (startUs: number) => {
        tally.startedUs = startUs;
        this.#simulator.sequenceStarted(tally);
      },
      token: (dueUs: number) => this.#token(choice, dueUs),
    };
    const choice: Choice = {
      index,
      answer,
      tally,
      sequence,
      offset: 0,
      started: false,
      ended: generation.maxTokens === 0,
      untold: 0,
      content: [],
      reasoning: [],
      toolName: "",
      toolArguments: [],
      tokenTexts: [],
    };
    this.#choices.push(choice);
  }

  /** One more token of a choice; false when it was the last. */
  #token(choice: Choice, dueUs: number): boolean {
    const { tally, answer } = choice;
    const pieces = answer.next();
    if (tally.outputTokens === 0) tally.firstTokenUs = dueUs;
    this.#simulator.tokenMade(tally, dueUs);
    tally.lastTokenUs = dueUs;
    tally.outputTokens = answer.countedTokens;
    tally.reasoningTokens = answer.reasoningTokens;
    choice.untold++;
    const end = answer.end;
    if (end !== undefined) {
      choice.ended = true;
      this.#simulator.sequenceEnded(tally, end.reason === "length");
    }
    if (this.generation.stream) this.#send(choice, pieces, end);
    else for (const piece of pieces) keep(choice, piece);
    if (end !== undefined && this.#choices.every(({ ended }) => ended)) this.#finish();
    else this.#writer?.flush();
    return end === undefined && !this.#ended;
  }

  #send(choice: Choice, pieces: readonly Piece[], end: AnswerEnd | undefined): void {
    const writer = this.#writer;
    const form = this.#form;
    if (writer === undefined || form === undefined) return;
    if (!this.#headSent) this.#sendHead();
    const last = pieces.length - 1;
    for (const [i, piece] of pieces.entries())
      this.#sendPiece(writer, form, choice, piece, i === last ? end : undefined);
    if (pieces.length === 0 && end !== undefined) this.#sendPiece(writer, form, choice, undefined, end);
  }

  #sendPiece(
    writer: StreamWriter,
    form: StreamForm,
    choice: Choice,
    piece: Piece | undefined,
    end: AnswerEnd | undefined,
  ): void {
    const view: ChoiceView = {
      index: choice.index,
      tally: choice.tally,
      offset: choice.offset,
      first: !choice.started,
      allEnded: end !== undefined && this.#choices.every(({ ended }) => ended),
      omitFinish: this.#effects.omitFinish === true,
      ...(end === undefined ? {} : { end }),
    };
    const { before, text, after } = form.chunks(view, piece);
    choice.started = true;
    if (before !== undefined) writer.event(before);
    if (text !== undefined) {
      const bytes = piece === undefined ? 0 : Buffer.byteLength(piece.text);
      if (piece !== undefined && bytes > 0 && !writer.ended) {
        keep(choice, piece);
        writer.event(text, { tokens: choice.untold, bytes, kind: piece.kind, choice: choice.index });
        choice.untold = 0;
        choice.offset += piece.text.length;
        this.#simulator.chunkQueued();
      } else writer.event(text);
    }
    if (after !== undefined) writer.event(after);
  }

  #sendHead(): void {
    const { dialect, timeline } = this.#simulator;
    this.#headSent = true;
    this.record.status = 200;
    this.record.headersUs = timeline.nowUs();
    const close = this.#connection.closeAfterThis(this.#effects);
    this.#writer?.head(
      dialect.head({ status: 200, stream: true, close, ...dialect.streamHead(this.generation.characters) }),
    );
    const opening = this.#form?.opening;
    if (opening === undefined) return;
    this.#writer?.event(opening);
    this.#writer?.flush();
  }

  #finish(): void {
    const total = this.#total();
    const { dialect, facts } = this.#simulator;
    if (this.#writer !== undefined && this.#form !== undefined) {
      for (const choice of this.#choices) {
        if (!choice.started)
          this.#sendPiece(this.#writer, this.#form, choice, undefined, { reason: "length" });
      }
      const closing = this.#form.closing(total);
      if (closing !== undefined) this.#writer.event(closing);
      if (this.#form.done !== undefined) this.#writer.event(this.#form.done);
      this.#writer.finish();
      return;
    }
    const identity = dialect.identity(
      facts,
      this.generation.api,
      this.record.request,
      Math.floor(Date.now() / 1000),
    );
    const answer = dialect.whole(this.generation, identity, this.#choices.map(toWhole), total);
    this.record.status = answer.status;
    const send = () => {
      if (this.#ended) return;
      this.record.headersUs = this.#simulator.timeline.nowUs();
      this.#connection.answer(answer, this.#effects);
      this.#finished("complete");
    };
    const { slowHeadersMs } = this.#effects;
    if (slowHeadersMs === undefined) send();
    else this.#simulator.timeline.later(slowHeadersMs, send);
  }

  #total(): Tally {
    const [first] = this.#choices;
    const sum = (of: (tally: Tally) => number) =>
      this.#choices.reduce((total, { tally }) => total + of(tally), 0);
    const base = first?.tally ?? ({} as Tally);
    return {
      ...base,
      promptTokens: this.record.promptTokens,
      cachedTokens: this.record.cachedTokens,
      outputTokens: sum(({ outputTokens }) => outputTokens),
      reasoningTokens: sum(({ reasoningTokens }) => reasoningTokens),
      lastTokenUs: Math.max(...this.#choices.map(({ tally }) => tally.lastTokenUs)),
    };
  }

  /** Tokens that it holds in the engine's cache. */
  get usedTokens(): number {
    return this.#choices.reduce(
      (sum, { ended, tally }) => sum + (ended ? 0 : tally.promptTokens + tally.outputTokens),
      0,
    );
  }

  /** The engine died, the server stops, or another request takes its place. */
  abort(how: "error" | "close" | "close-after-done", outcome: string, message = ""): void {
    if (this.#ended) return;
    this.#cancelSequences();
    if (this.#writer !== undefined) {
      if (how === "error" && !this.#headSent) this.#sendHead();
      this.#writer.abort(how, outcome, message);
    } else if (how === "error") {
      this.#connection.answer(this.#simulator.dialect.failure(500, message), this.#effects);
      this.#finished(outcome);
    } else {
      this.#finished(outcome, "close");
    }
  }

  /** The client left. */
  clientLeft(): void {
    if (this.#ended || (!this.generation.stream && this.#simulator.dialect.unstreamedRunsOn === true)) return;
    this.#writer?.drop();
    this.#finished("cancelled");
  }

  #cancelSequences(): void {
    for (const choice of this.#choices) {
      if (!choice.ended) choice.sequence.cancelled = true;
    }
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
    record.tool = (first?.toolName ?? "") + (first?.toolArguments.join("") ?? "");
    if (outcome === "complete" && first?.answer.end !== undefined) record.finish = first.answer.end.reason;
    this.#simulator.exchangeEnded(this, outcome);
    this.#connection.exchangeEnded(end);
  }
}

function keep(choice: Choice, piece: Piece): void {
  if (piece.kind === "content") choice.content.push(piece.text);
  else if (piece.kind === "reasoning") choice.reasoning.push(piece.text);
  else if (piece.kind === "tool-name") choice.toolName += piece.text;
  else choice.toolArguments.push(piece.text);
  choice.tokenTexts.push(...piece.tokenTexts);
}

function toWhole(choice: Choice): WholeChoice {
  const { index, tally, tokenTexts, answer, toolName } = choice;
  const tool = { name: toolName, arguments: choice.toolArguments.join("") };
  return {
    index,
    text: choice.content.join(""),
    reasoning: choice.reasoning.join(""),
    end: answer.end ?? { reason: "length" },
    tokenTexts,
    tally,
    ...(toolName === "" ? {} : { tool }),
  };
}
