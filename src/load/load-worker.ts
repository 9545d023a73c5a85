import { Worker } from "node:worker_threads";
import { LlmbenchError } from "../error.ts";
import type { Answers, FromWorker, Order, ToWorker } from "./worker-messages.ts";

/** What a worker says unasked while it carries out an order. */
export type Said = Exclude<FromWorker, { kind: "done" } | { kind: "failed" }>;

/** One worker thread, from the side that it works for. It keeps nobody up but while it carries out an order. */
export class LoadWorker {
  readonly #thread: Worker;
  #ended: LlmbenchError | undefined;
  #settle:
    | { done: (answer: Answers[keyof Answers]) => void; fail: (error: LlmbenchError) => void }
    | undefined;
  #heard: (said: Said) => void = () => {};

  /** `code`: the program that it runs. */
  constructor(code: string) {
    this.#thread = new Worker(code, { eval: true, execArgv: [] });
    this.#thread.unref();
    this.#thread.on("message", (message: FromWorker) => this.#take(message));
    this.#thread.on("error", (error) => this.#end(error instanceof Error ? error.message : String(error)));
    this.#thread.on("exit", (code) => this.#end(`it ended with status ${code}`));
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** Has it carry out one order; `heard` gets what it says meanwhile. Rejects with LOAD_WORKER, or the error it met. */
  async order<K extends Order["kind"]>(
    order: Extract<Order, { kind: K }>,
    heard: (said: Said) => void = () => {},
  ): Promise<Answers[K]> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#thread.ref();
    this.#heard = heard;
    try {
      return await new Promise((resolve, reject) => {
        this.#settle = { done: (answer) => resolve(answer as Answers[K]), fail: reject };
        this.tell(order);
      });
    } finally {
      this.#settle = undefined;
      this.#heard = () => {};
      this.#thread.unref();
    }
  }

  tell(message: ToWorker): void {
    if (this.#ended === undefined) this.#thread.postMessage(message, []);
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }

  #take(message: FromWorker): void {
    if (message.kind === "done") this.#settle?.done(message.answer);
    else if (message.kind === "failed")
      this.#settle?.fail(new LlmbenchError(message.code ?? "LOAD_WORKER", message.message));
    else this.#heard(message);
  }

  #end(why: string): void {
    this.#ended ??= new LlmbenchError("LOAD_WORKER", `a worker of the load generator has ended: ${why}`, {
      hint: "what was measured before is kept: go on with `llmbench run --resume`; with less memory than it needs, ask for fewer `workers`",
    });
    this.#settle?.fail(this.#ended);
  }
}
