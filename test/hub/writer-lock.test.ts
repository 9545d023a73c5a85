import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withWriterLock } from "../../src/hub/writer-lock.ts";

let path: string;
let lines: string[];
let heart: NodeJS.Timeout | undefined;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "llmbench-lock-")), "model", ".llmbench-partial", "lock");
  lines = [];
});
afterEach(() => clearInterval(heart));
afterEach(() => rmSync(dirname(dirname(dirname(path))), { recursive: true }));

/** Longer than this machine ever stands still. */
const patient = { beatMs: 5, staleMs: 60_000, pollMs: 5 };
const hasty = { ...patient, staleMs: 100 };

/** This machine may be busy with other things. */
const soon = { timeout: 20_000 };

const never = new AbortController().signal;

function take<T>(action: (signal: AbortSignal) => Promise<T>, times = patient, signal = never): Promise<T> {
  return withWriterLock(path, { report: (line) => lines.push(line), signal, times }, action);
}

/** A lock as a process of another machine left it. */
function leaveLock(
  content = { token: "t", host: "node-7", place: "elsewhere", pid: 1, started: "1", since: "noon" },
) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
}

/** Keeps a foreign lock alive, as its owner's heart does. */
function keepAlive(): () => void {
  let beats = 0;
  heart = setInterval(() => {
    beats++;
    if (existsSync(path)) utimesSync(path, beats, beats);
  }, 5);
  return () => clearInterval(heart);
}

it("lets one in at a time, in any number", async () => {
  let inside = 0;
  let most = 0;
  const visits = Array.from({ length: 5 }, () =>
    take(async () => {
      inside++;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    }),
  );
  await Promise.all(visits);
  expect([most, existsSync(path)]).toEqual([1, false]);
});

it("is given back when the work fails", async () => {
  await expect(take(async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(path)).toBe(false);
});

it("waits for a writer on another machine while its heart beats", async () => {
  leaveLock();
  const stop = keepAlive();
  const stopWaiting = new AbortController();
  let entered = false;
  const waiting = take(async () => void (entered = true), patient, stopWaiting.signal);
  waiting.catch(() => undefined);
  await expect
    .poll(() => lines, soon)
    .toEqual(["process 1 on node-7 (since noon) is fetching into this folder: waiting for it"]);
  expect(entered).toBe(false);
  rmSync(path);
  stop();
  await waiting;
  expect(entered).toBe(true);
});

it("can be told to stop waiting", async () => {
  leaveLock();
  const stop = keepAlive();
  const enough = new AbortController();
  const waiting = take(async () => undefined, patient, enough.signal);
  const outcome = waiting.then(
    () => "entered",
    () => "stopped",
  );
  await expect.poll(() => lines.length, soon).toBe(1);
  enough.abort();
  expect(await outcome).toBe("stopped");
  stop();
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ host: "node-7" });
});

it("succeeds a writer of another machine whose heart stands still", async () => {
  leaveLock();
  expect(await take(async () => "mine", hasty)).toBe("mine");
  expect(lines.at(-1)).toBe(
    "going on after process 1 on node-7 (since noon), which ended before it was done",
  );
});

it("succeeds at once a writer of this machine that is dead", async () => {
  let mine = "";
  await take(async () => void (mine = readFileSync(path, "utf8")));
  leaveLock({ ...(JSON.parse(mine) as Parameters<typeof leaveLock>[0] & object), pid: 4_194_305 });
  const hour = 3_600_000;
  expect(await take(async () => "mine", { beatMs: 5, staleMs: hour, pollMs: hour })).toBe("mine");
});

it("succeeds a lock that was torn when its writer died", async () => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '{"tok');
  expect(await take(async () => "mine", hasty)).toBe("mine");
});

it("tells a writer that was taken over from to stop, and leaves the other's lock alone", async () => {
  const reason = await take(
    (signal) =>
      new Promise<unknown>((resolve) => {
        signal.addEventListener("abort", () => resolve(signal.reason));
        leaveLock();
      }),
  );
  expect(reason).toMatchObject({ code: "MODEL_FOLDER_TAKEN" });
  expect(existsSync(path)).toBe(true);
});
