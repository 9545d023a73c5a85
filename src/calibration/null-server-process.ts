import { type ChildProcess, spawn } from "node:child_process";
import { LlmbenchError } from "../error.ts";
import type { FromNullServer, ReplayScript, ReplayStamps, ToNullServer } from "./messages.ts";

/** How long the null server may take to say anything. */
const patienceMs = 20_000;

/** The load generator's null server: a process of its own that ends with this one. */
export class NullServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** `command`: the words that start it. Rejects with NULL_SERVER where it does not come up. */
  static async start(command: readonly string[]): Promise<NullServer> {
    const [program, ...args] = command;
    const child = spawn(program as string, args, {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      serialization: "advanced",
    });
    // It keeps nobody up: who waits for it says so.
    child.unref();
    const { port } = await nextMessage(child, "listening");
    return new NullServer(child, port);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get alive(): boolean {
    return this.#child.connected;
  }

  /** Hands over what the next replay is. */
  async load(script: ReplayScript): Promise<void> {
    this.#send({ kind: "script", script });
    await nextMessage(this.#child, "ready");
  }

  /** Starts it, at a time of `process.hrtime` in microseconds. */
  start(atUs: number): void {
    this.#send({ kind: "start", atUs });
  }

  /** Ends it, and says when each request came and each write went. */
  async stamps(): Promise<ReplayStamps> {
    this.#send({ kind: "stamps" });
    return (await nextMessage(this.#child, "stamps")).stamps;
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #send(message: ToNullServer): void {
    this.#child.send(message, () => {});
  }
}

/** The next thing it says. Rejects with NULL_SERVER when it says something else, nothing, or is gone. */
async function nextMessage<K extends FromNullServer["kind"]>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<FromNullServer, { kind: K }>> {
  child.channel?.ref();
  let forget = (): void => {};
  try {
    return await new Promise((resolve, reject) => {
      const fail = (why: string) => () => reject(new LlmbenchError("NULL_SERVER", `the null server ${why}`));
      const timer = setTimeout(fail(`said nothing for ${patienceMs / 1000} s`), patienceMs);
      const hear = (message: FromNullServer) => {
        if (message.kind === kind) resolve(message as Extract<FromNullServer, { kind: K }>);
        else fail(`said ${message.kind} where ${kind} was due`)();
      };
      const ended = fail("has ended");
      const notStarted = (error: Error) => fail(`cannot be started: ${error.message}`)();
      child.once("message", hear);
      child.once("disconnect", ended);
      child.once("error", notStarted);
      forget = () => {
        clearTimeout(timer);
        child.off("message", hear);
        child.off("disconnect", ended);
        child.off("error", notStarted);
      };
    });
  } finally {
    forget();
    child.channel?.unref();
  }
}
