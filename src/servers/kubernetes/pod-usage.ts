import { PassThrough, type Readable, Writable } from "node:stream";
import type { ServerUsage, UsageLook } from "../server.ts";

/**
 * Asked by a line, says what its own container has taken, by its control group (`$1`), of version 2 or 1. It ends with
 * its standard input, so that nothing stays behind when the connection is gone.
 */
const script = `while read -r _; do
  if [ -r "$1/memory.current" ]; then
    cat "$1/cpu.stat" "$1/memory.stat"; echo "bytes $(cat "$1/memory.current")"
  elif [ -r "$1/cpuacct/cpuacct.usage" ]; then
    echo "usage_nsec $(cat "$1/cpuacct/cpuacct.usage")"; cat "$1/memory/memory.stat"
    echo "bytes $(cat "$1/memory/memory.usage_in_bytes")"
  fi
  echo .
done`;

/** The words that run it. */
export function usageCommand(groupFolder = "/sys/fs/cgroup"): readonly string[] {
  return ["sh", "-c", script, "usage", groupFolder];
}

interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly signal: AbortSignal;
}

const FIRST_ANSWER_MS = 10_000;
const ANSWER_MS = 2000;

/**
 * One command beside the server that is asked again and again: a look costs a round trip, not a connection. `run` starts
 * it and settles when it has ended.
 */
export async function askUsage(run: (streams: Streams) => Promise<unknown>): Promise<UsageLook> {
  const ending = new AbortController();
  const stdin = new PassThrough();
  let text = "";
  let owed = 0;
  let answered: (answer: string | undefined) => void = () => {};
  const stdout = new Writable({
    write: (part: Buffer, _encoding, done) => {
      text += part.toString("utf8");
      const answers = text.split(/^\.\n/m);
      text = answers.pop() ?? "";
      // One that comes late is not the answer to a later question.
      for (const answer of answers) if (--owed === 0) answered(answer);
      done();
    },
  });
  let why: string | undefined;
  const close = () => {
    why ??= "it is no longer looked at";
    stdin.end();
    ending.abort();
  };
  void run({ stdin, stdout, signal: ending.signal })
    .then(
      () => (why ??= "what reads it in the server's container ended"),
      (error: unknown) => (why ??= error instanceof Error ? error.message : String(error)),
    )
    .then(() => answered(undefined));
  const ask = async (timeoutMs: number): Promise<ServerUsage | undefined> => {
    if (why !== undefined) return undefined;
    const answer = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs, undefined);
      answered = (said) => {
        clearTimeout(timer);
        resolve(said);
      };
      owed++;
      stdin.write("\n");
    });
    return answer === undefined ? undefined : parseUsage(answer);
  };
  if ((await ask(FIRST_ANSWER_MS)) === undefined) {
    const unread = why ?? "the server's container does not show its control group";
    close();
    return { unread, close };
  }
  return { read: async () => await ask(ANSWER_MS), close };
}

/**
 * CPU time, and memory as the kubelet counts it (the working set: all but file pages that were not used for a while);
 * undefined where the text lacks either.
 */
function parseUsage(text: string): ServerUsage | undefined {
  const values = new Map(
    text.split("\n").map((line): [string, number] => {
      const [name = "", value] = line.split(" ");
      return [name, Number(value)];
    }),
  );
  const microseconds = values.get("usage_usec") ?? (values.get("usage_nsec") ?? Number.NaN) / 1000;
  const idle = values.get("total_inactive_file") ?? values.get("inactive_file") ?? 0;
  const memoryBytes = Math.max(0, (values.get("bytes") ?? Number.NaN) - idle);
  return Number.isFinite(microseconds) && Number.isFinite(memoryBytes)
    ? { cpuSeconds: microseconds / 1e6, memoryBytes }
    : undefined;
}
