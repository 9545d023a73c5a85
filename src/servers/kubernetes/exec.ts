import { type Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { LlmbenchError } from "../../error.ts";
import type { ExecOptions, ExecResult } from "../server.ts";
import { containerName } from "./manifests.ts";
import type { Pod } from "./objects.ts";
import type { Resources } from "./resources.ts";

/** What Kubernetes says when a command has ended. */
interface ExecStatus {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** As much of the client's WebSocket as is used. */
interface Socket {
  addEventListener(event: "close" | "error", listener: (event: { readonly message?: string }) => void): void;
  close(): void;
}

/** Runs a command in a server's container, or in another, to its end (`pods/exec`). Rejects with SERVER_EXEC_FAILED. */
export async function execInPod(
  { client, namespace }: Pick<Resources, "client" | "namespace">,
  { metadata }: Pod,
  words: readonly string[],
  {
    stdin,
    stdout: sink,
    signal,
    container = containerName,
  }: ExecOptions & { readonly stdin?: Readable; readonly container?: string },
): Promise<ExecResult> {
  const { Exec } = await import("./kube-config.ts");
  signal?.throwIfAborted();
  const stdout = new Collector(sink);
  const stderr = new Collector();
  const name = metadata?.name ?? "";
  try {
    const status = await new Promise<ExecStatus>((resolve, reject) => {
      new Exec(client.connection.config)
        .exec(namespace, name, container, [...words], stdout, stderr, stdin ?? null, false, resolve)
        .then((socket: Socket) => {
          // Without effect where the command's end was told before.
          socket.addEventListener("close", () => reject(new Error("the connection broke off")));
          socket.addEventListener("error", ({ message = "" }) => reject(new Error(message)));
          signal?.addEventListener("abort", () => {
            reject(signal.reason as Error);
            socket.close();
          });
        }, reject);
    });
    const exitStatus = exitStatusOf(status);
    if (exitStatus === undefined) throw new Error(status.message ?? "no reason is given");
    await Promise.all([finished(stdout), finished(stderr)]);
    return { exitStatus, stdout: stdout.text, stderr: stderr.text };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new LlmbenchError(
      "SERVER_EXEC_FAILED",
      `"${words[0]}" could not be run in pod ${name}: ${reason}`,
      {
        hint: "Whoever asks needs create and get on pods/exec, and the pod must be up.",
        cause: error,
      },
    );
  }
}

/** The exit status of a command that was run; undefined where it could not be. 127: there is no such program. */
function exitStatusOf({ status, message = "", details }: ExecStatus): number | undefined {
  if (status === "Success") return 0;
  const code = details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (code !== undefined) return Number(code);
  return /executable file not found|no such file or directory/i.test(message) ? 127 : undefined;
}

/** Takes what a command writes: hands it on as fast as the sink takes it, and leaves that open; or keeps it as text. */
class Collector extends Writable {
  readonly #parts: Buffer[] = [];

  constructor(sink?: Writable) {
    super({
      write: (part: Buffer, _encoding, done) => {
        if (sink === undefined) this.#parts.push(part);
        if (sink === undefined || sink.write(part)) done();
        else sink.once("drain", () => done());
      },
    });
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }
}
