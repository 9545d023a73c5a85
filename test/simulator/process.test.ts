import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Behaviour } from "../../src/simulator/options.ts";
import { instantProfile } from "../../src/simulator/profiles.ts";
import { programPath } from "../program/program.ts";
import { postBytes, RawConnection } from "./raw-client.ts";
import { readStream } from "./read-stream.ts";

/** The simulator as a process: what a runner meets when an engine dies, hangs, or will not go. */

let program: string;
beforeAll(async () => {
  program = await programPath();
});
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Child {
  readonly process: ChildProcess;
  stderr(): string;
  /** Resolves with the port as soon as stderr says it, whether or not anybody listens there yet. */
  port(): Promise<number>;
  /** Resolves with the port once stderr says that it listens. */
  listening(): Promise<number>;
  says(text: string): Promise<void>;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

function start(...args: string[]): Child {
  const child = spawn(process.execPath, [program, "simulate", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  let text = "";
  const says = async (wanted: string) => {
    while (!text.includes(wanted)) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`it ended without saying "${wanted}": ${text}`);
      await Promise.race([once(child.stderr, "data"), once(child, "exit")]);
    }
  };
  child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const ended = once(child, "close").then(
    ([status, signal]) => (status as number | null) ?? (signal as string),
  );
  const port = async () => {
    await says(")\n");
    return Number(/address http:\/\/127\.0\.0\.1:(\d+) /.exec(text)?.[1]);
  };
  return {
    process: child,
    stderr: () => text,
    says,
    port,
    listening: async () => {
      await says("listening\n");
      return await port();
    },
    ended,
  };
}

const profile = { ...instantProfile, prefillMs: 2, decodeMs: 2 };
const simulate = (behaviour: Behaviour, more: Partial<typeof profile> = {}, dialect = "vllm") =>
  start(
    "--dialect",
    dialect,
    "--model",
    "m",
    "--profile",
    JSON.stringify({ ...profile, ...more }),
    "--behaviour",
    JSON.stringify(behaviour),
  );
const request = (tokens: number) =>
  postBytes("/v1/completions", { model: "m", prompt: "x", max_tokens: tokens, stream: true });

describe("the simulator's process", () => {
  it("says that it is simulated and where it listens, serves, and ends on SIGTERM with status 0", async () => {
    const child = simulate({});
    const connection = await RawConnection.open(await child.listening());
    connection.send(request(5));
    expect(readStream((await connection.receive()).bytes)).toMatchObject({ done: true, finish: ["length"] });
    child.process.kill("SIGTERM");
    expect(await child.ended).toBe(0);
    expect(child.stderr()).toMatch(
      /^simulated vllm: not a real engine; address http:\/\/127\.0\.0\.1:\d+ \(model m, seed 1, loading 0 ms\)\nsimulated vllm: listening\nsimulated vllm: ready\n/,
    );
    expect(await connection.stillAnswers()).toBe(false);
  });

  it("logs each request that is over, with what it sent, when asked to", async () => {
    const child = start(
      "--dialect",
      "vllm",
      "--model",
      "m",
      "--profile",
      JSON.stringify(profile),
      "--log-requests",
    );
    const connection = await RawConnection.open(await child.listening());
    connection.send(request(5));
    const { texts } = readStream((await connection.receive()).bytes);
    connection.send(request(3));
    await connection.receive();
    await child.says("request 1: ");
    expect(texts).toHaveLength(5);
    expect(child.stderr().match(/request .*/g)).toEqual([
      "request 0: complete, 1 prompt tokens, 5 output tokens in 5 chunks",
      "request 1: complete, 1 prompt tokens, 3 output tokens in 3 chunks",
    ]);
  });

  it("lets running requests end after SIGTERM where the engine drains", async () => {
    const child = simulate({}, {}, "tgi");
    const connection = await RawConnection.open(await child.listening());
    connection.send(request(100));
    await connection.untilBytes(800);
    child.process.kill("SIGTERM");
    expect(readStream((await connection.receive()).bytes)).toMatchObject({
      done: true,
      whole: true,
      finish: ["length"],
    });
    expect(await child.ended).toBe(0);
  });

  it("exits while it loads, with its status and its last words on stderr", async () => {
    const exitWhileLoading = { afterMs: 50, status: 137, message: "CUDA out of memory" };
    const child = simulate({ process: { exitWhileLoading } }, { loadMs: 10_000 });
    const port = await child.port();
    await expect(RawConnection.open(port)).rejects.toThrow("ECONNREFUSED");
    expect(await child.ended).toBe(137);
    expect(child.stderr()).toMatch(/simulated vllm: CUDA out of memory\n$/);
  });

  it("stays, and is never reached, when it never gets ready", async () => {
    const child = simulate({ process: { neverReady: true } });
    const port = await child.port();
    await expect(RawConnection.open(port)).rejects.toThrow("ECONNREFUSED");
    child.process.kill("SIGTERM");
    expect(await child.ended).toBe(0);
  });

  it("never becomes ready when told so, and still ends on SIGTERM", async () => {
    const child = simulate({ process: { neverReady: true } }, {}, "llamacpp");
    const port = await child.listening();
    for (let tries = 0; tries < 3; tries++) {
      const connection = await RawConnection.open(port);
      connection.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
      expect((await connection.receive()).bytes.toString()).toMatch(/^HTTP\/1\.1 503 /);
      connection.close();
    }
    child.process.kill("SIGTERM");
    expect(await child.ended).toBe(0);
    expect(child.stderr()).not.toContain("ready\n");
  });

  it("says that it listens only when it does, however long nobody listened", async () => {
    const children = ["vllm", "tgi", "llamacpp"].map((dialect) => simulate({}, { loadMs: 20 }, dialect));
    for (const child of children) {
      const connection = await RawConnection.open(await child.listening());
      expect(await connection.stillAnswers()).toBe(true);
      connection.close();
      await child.says("ready\n");
    }
  });

  it("dies in the middle of a stream after so many chunks", async () => {
    const child = simulate({
      process: { exit: { afterChunks: 7, status: 139, message: "Segmentation fault" } },
    });
    const connection = await RawConnection.open(await child.listening());
    connection.send(request(100));
    const { bytes, complete } = await connection.receive();
    expect([complete, readStream(bytes).texts.length]).toEqual([false, 7]);
    expect(await child.ended).toBe(139);
    expect(child.stderr()).toMatch(/Segmentation fault\n$/);
  });

  it("dies after so many requests", async () => {
    const child = simulate({ process: { exit: { afterRequests: 3, status: 1, message: "gone" } } });
    const connection = await RawConnection.open(await child.listening());
    for (let i = 0; i < 3; i++) {
      connection.send(request(2));
      expect((await connection.receive()).complete).toBe(true);
    }
    expect(await child.ended).toBe(1);
    expect(await connection.stillAnswers()).toBe(false);
  });

  it.runIf(process.platform === "linux")("keeps so much memory of every request", async () => {
    const child = simulate({ process: { leak: { mebibytesPerRequest: 20 } } });
    const connection = await RawConnection.open(await child.listening());
    const residentMiB = () =>
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.process.pid}/status`, "utf8"))?.[1]) /
      1024;
    const before = residentMiB();
    for (let i = 0; i < 5; i++) {
      connection.send(request(2));
      await connection.receive();
    }
    await expect.poll(() => residentMiB() - before).toBeGreaterThan(80);
    child.process.kill("SIGKILL");
    await child.ended;
  });

  it("ends on SIGTERM while it loads", async () => {
    const child = simulate({}, { loadMs: 600_000 });
    await child.says("not a real engine");
    child.process.kill("SIGTERM");
    expect(await child.ended).toBe(0);
  });

  it("ignores SIGTERM when told so, and serves on", async () => {
    const child = simulate({ process: { ignoreSigterm: true } });
    const connection = await RawConnection.open(await child.listening());
    child.process.kill("SIGTERM");
    await child.says("ignoring SIGTERM");
    connection.send(request(2));
    expect((await connection.receive()).complete).toBe(true);
    child.process.kill("SIGKILL");
    expect(await child.ended).toBe("SIGKILL");
  });

  it("refuses arguments that it does not understand with status 2, and says which", async () => {
    const cases: [string[], RegExp][] = [
      [["--dialect", "vlm"], /^error: .*--dialect[^]*\(SIMULATOR_USAGE\)$/m],
      [["--dialect", "vllm", "--prot", "1"], /^error: .*--prot[^]*\(SIMULATOR_USAGE\)$/m],
      [
        ["--dialect", "vllm", "--profile", "{loadMs:1}"],
        /^error: --profile is not JSON[^]*\(SIMULATOR_USAGE\)$/m,
      ],
      [
        ["--dialect", "vllm", "--behaviour", '{"always":{"splitt":1}}'],
        /^error: .*--behaviour[^]*splitt[^]*\(SIMULATOR_USAGE\)$/m,
      ],
    ];
    const children = cases.map(([args]) => start(...args));
    for (const [i, [, message]] of cases.entries()) {
      expect(await children[i]?.ended).toBe(2);
      expect(children[i]?.stderr()).toMatch(message);
    }
  });

  it("says so when its port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const child = start("--dialect", "vllm", "--port", String(port));
    expect(await child.ended).toBe(1);
    expect(child.stderr()).toContain(`error: The simulator cannot listen on 127.0.0.1:${port}: `);
    expect(child.stderr()).toContain("(SIMULATOR_PORT)");
    taken.close();
  });
});
