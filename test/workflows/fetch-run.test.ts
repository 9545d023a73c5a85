import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Transform, type Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, test } from "vitest";
import { LlmbenchError } from "../../src/error.ts";
import { fetchRun } from "../../src/workflows/fetch-run.ts";
import { type ResultsPod, resultsMount } from "../../src/workflows/results-pod.ts";
import { storedServerLogs } from "../../src/workflows/stored-logs.ts";

const folder = mkdtempSync(join(tmpdir(), "llmbench-fetch-"));
const share = join(folder, "share");
const to = join(folder, "here", "demo-1");

/** Runs the pod's commands here, on a folder in the share's place. `bend` is what happens on the way. */
function podHere(bend: () => Transform | undefined = () => undefined): ResultsPod & { calls: number } {
  const pod = {
    calls: 0,
    async exec(
      words: readonly string[],
      { stdout, signal }: { stdout?: Writable; signal?: AbortSignal } = {},
    ) {
      pod.calls += 1;
      const [program = "", ...args] = words.map((word) => word.replaceAll(resultsMount, share));
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
      const ended = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 1)));
      const errors = text(child.stderr);
      let whole = "";
      if (stdout === undefined) whole = await text(child.stdout);
      else {
        const through = bend();
        const source = through === undefined ? child.stdout : child.stdout.pipe(through);
        await new Promise<void>((resolve, reject) => {
          source.on("data", (part: Buffer) => stdout.write(part));
          source.once("end", resolve);
          source.once("error", (error) => {
            child.kill();
            reject(new LlmbenchError("SERVER_EXEC_FAILED", error.message));
          });
          if (signal?.aborted) reject(signal.reason as Error);
          signal?.addEventListener("abort", () => reject(signal.reason as Error));
        });
      }
      return { exitStatus: await ended, stdout: whole, stderr: await errors };
    },
  };
  return pod;
}

function put(name: string, content: string | Buffer): void {
  const path = join(share, "demo-1", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const records = randomBytes(3_000_000);
const options = {
  run: "demo-1",
  to,
  onlyResults: false,
  progress: () => {},
  signal: new AbortController().signal,
  pausesMs: [0, 0],
};

function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  put("run.json", `{"id":"demo-1"}`);
  put("results.json", "{}");
  put("report/index.html", "<p>");
  put(".lock-1", "");
  put("cells/a/points/p/1/requests.ndjson.gz", records);
  put("cells/a/deployments/1/server.log", "ready\n");
});

describe("bringing a run from the share", () => {
  test("brings every file as it is, with its time, and no lock", async () => {
    const fetched = await fetchRun(podHere(), options);
    expect(filesBelow(to)).toEqual(filesBelow(join(share, "demo-1")).filter((name) => name !== ".lock-1"));
    expect(readFileSync(join(to, "cells/a/points/p/1/requests.ndjson.gz")).equals(records)).toBe(true);
    expect(fetched).toEqual({ files: 5, bytes: 3_000_000 + 15 + 2 + 3 + 6, kept: 0 });
    const times = [share.concat("/demo-1"), to].map((root) =>
      Math.round(statSync(`${root}/run.json`).mtimeMs),
    );
    expect(times[0]).toBe(times[1]);
  });

  test("brings results and report alone where it is asked to", async () => {
    await fetchRun(podHere(), { ...options, onlyResults: true });
    expect(filesBelow(to)).toEqual(["report/index.html", "results.json", "run.json"]);
  });

  test("brings a second time only what changed", async () => {
    await fetchRun(podHere(), options);
    put("results.json", `{"again":true}`);
    expect(await fetchRun(podHere(), options)).toEqual({ files: 1, bytes: 14, kept: 4 });
    expect(readFileSync(join(to, "results.json"), "utf8")).toBe(`{"again":true}`);
  });

  test("a file of the same size but another time comes again", async () => {
    await fetchRun(podHere(), options);
    utimesSync(join(to, "results.json"), new Date(), new Date(0));
    expect(await fetchRun(podHere(), options)).toMatchObject({ files: 1, kept: 4 });
  });

  test("goes on where a connection broke off, and leaves no half file", async () => {
    let calls = 0;
    const pod = podHere(() => {
      calls += 1;
      return calls === 1 ? breakAfter(100_000) : undefined;
    });
    await fetchRun(pod, options);
    expect(calls).toBe(2);
    expect(readFileSync(join(to, "cells/a/points/p/1/requests.ndjson.gz")).equals(records)).toBe(true);
    expect(filesBelow(to).filter((name) => name.endsWith(".arriving"))).toEqual([]);
  });

  test("says so where a checksum is wrong again and again", async () => {
    const flip = () =>
      new Transform({
        transform(part: Buffer, _encoding, done) {
          const changed = Buffer.from(part);
          const at = changed.length - 200;
          if (changed.length > 10_000) changed[at] = (changed[at] ?? 0) ^ 1;
          done(null, changed);
        },
      });
    await expect(fetchRun(podHere(flip), options)).rejects.toMatchObject({
      code: "FETCH_BROKEN",
      message: expect.stringContaining("requests.ndjson.gz"),
    });
    expect(existsSync(join(to, "cells/a/points/p/1/requests.ndjson.gz"))).toBe(false);
  });

  test("leaves a folder alone that holds another run", async () => {
    mkdirSync(to, { recursive: true });
    writeFileSync(join(to, "run.json"), `{"id":"mine"}`);
    await expect(fetchRun(podHere(), options)).rejects.toMatchObject({ code: "FETCH_OTHER_RUN" });
    expect(filesBelow(to)).toEqual(["run.json"]);
  });

  test("names the nearest run where there is none of that name", async () => {
    await expect(fetchRun(podHere(), { ...options, run: "demo-2" })).rejects.toMatchObject({
      code: "RUN_NOT_FOUND",
      hint: "Did you mean demo-1?",
    });
  });

  test("stops at once where it is interrupted, and keeps what came whole", async () => {
    const stop = new AbortController();
    const pod = podHere(() => {
      stop.abort(new Error("interrupted"));
      return undefined;
    });
    await expect(fetchRun(pod, { ...options, signal: stop.signal })).rejects.toThrow("interrupted");
    const left = existsSync(to) ? filesBelow(to) : [];
    expect(left.filter((name) => name.endsWith(".arriving"))).toEqual([]);
  });
});

test("the log of a server that is gone is read from the share", async () => {
  expect(await storedServerLogs(podHere(), "demo-1", "a")).toEqual([
    { file: "cells/a/deployments/1/server.log", text: "ready\n" },
  ]);
  expect(await storedServerLogs(podHere(), "demo-1", "b")).toEqual([]);
});

/** A connection that is gone after so many bytes. */
function breakAfter(bytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      seen += part.length;
      if (seen > bytes) done(new Error("the connection broke off"));
      else done(null, part);
    },
  });
}
