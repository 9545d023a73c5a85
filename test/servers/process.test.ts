import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { isAlive, readProcess } from "../../src/servers/process-table.ts";
import { fakeServer, makeBench, untilGone } from "./backend.ts";
import { completes, never } from "./completes.ts";

test("a server becomes ready, with its start-up times, and is gone after remove", async () => {
  const { backend, spec, registryFolder } = makeBench();
  const { instance, url, pid } = await backend.ensure(spec());
  const { server, startup } = await backend.waitReady(spec(), completes, never);
  expect(server).toEqual({ instance, url, pid });
  const { startedMs, portOpenMs, readyMs, firstCompletionMs } = startup;
  expect([startedMs, portOpenMs, readyMs, firstCompletionMs]).toEqual(
    [startedMs, portOpenMs, readyMs, firstCompletionMs].map(Number).sort((a, b) => a - b),
  );
  expect(startup).toMatchObject({ scheduledMs: null, pulledMs: null });
  expect(await backend.inspect(spec())).toMatchObject({ running: true, instance, restarts: 0 });
  expect(await backend.list("run-1")).toEqual([{ runId: "run-1", cellId: "cell-a", server }]);
  expect(await backend.list("run-2")).toEqual([]);

  await backend.remove(spec());
  expect(readProcess(pid ?? 0)).toBeUndefined();
  expect(readdirSync(registryFolder)).toEqual([]);
  expect(await backend.inspect(spec())).toMatchObject({ running: false });
  await backend.remove(spec()); // also when there is none
});

test("ensure twice gives the same server, and another spec another one", async () => {
  const { backend, spec } = makeBench();
  const first = await backend.ensure(spec());
  const [again, meanwhile] = await Promise.all([backend.ensure(spec()), backend.ensure(spec())]);
  expect([again, meanwhile]).toEqual([first, first]);
  const other = await backend.ensure(spec([], { specHash: "hash-2" }));
  expect(other.instance).not.toBe(first.instance);
  expect(readProcess(first.pid ?? 0)).toBeUndefined();
  expect(await backend.inspect(spec())).toMatchObject({ running: true, restarts: 0 });
});

test("two servers at once have ports of their own", async () => {
  const { backend, spec } = makeBench();
  const b = { cellId: "cell-b" };
  await Promise.all([backend.ensure(spec()), backend.ensure(spec([], b))]);
  const [one, two] = await Promise.all([
    backend.waitReady(spec(), completes, never),
    backend.waitReady(spec([], b), completes, never),
  ]);
  expect(one.server.url).not.toBe(two.server.url);
  expect(await backend.list()).toHaveLength(2);
});

test("a server that dies while it loads is told at once, with its last words and what to do", async () => {
  const { backend, spec } = makeBench();
  const words = [
    "--say",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
    "--exit",
    "1",
  ];
  await backend.ensure(spec(words));
  const error: unknown = await backend.waitReady(spec(words), completes, never).catch((e: unknown) => e);
  expect(error).toMatchObject({
    code: "SERVER_EXITED",
    message: expect.stringContaining("exited with status 1"),
    hint: expect.stringContaining("contextLength"),
    details: [expect.stringContaining("Tried to allocate 2 GiB")],
  });
  expect(await backend.inspect(spec())).toMatchObject({
    running: false,
    reason: expect.stringContaining("exited with status 1\ntorch.OutOfMemoryError"),
  });
});

test("a server that is killed while it loads says by what", async () => {
  const { backend, spec } = makeBench();
  await backend.ensure(spec(["--kill-itself"]));
  await expect(backend.waitReady(spec(["--kill-itself"]), completes, never)).rejects.toMatchObject({
    code: "SERVER_EXITED",
    message: expect.stringContaining("SIGKILL"),
    hint: expect.stringContaining("memory"),
  });
});

test("a server that never gets ready runs into the time limit, and says what it waited for", async () => {
  const { backend, spec } = makeBench();
  const short = spec(["--never"], { startTimeoutSeconds: 0.5 });
  await backend.ensure(short);
  await expect(backend.waitReady(short, completes, never)).rejects.toMatchObject({
    code: "SERVER_NOT_READY",
    message: expect.stringMatching(/its port to open|GET \/health/),
  });
});

test("a completion that fails is not ready", async () => {
  const { backend, spec } = makeBench();
  let tries = 0;
  const fails = async () => {
    tries++;
    throw new Error("HTTP 404: no such model");
  };
  await expect(backend.waitReady(spec(), fails, never)).rejects.toMatchObject({
    code: "SERVER_NO_COMPLETION",
    message: expect.stringContaining("no such model"),
  });
  expect(tries).toBe(3);
});

test("a server that dies under its first completion is an exit, not a failed completion", async () => {
  const { backend, spec } = makeBench();
  const crashes = async (server: { url: string }) => {
    await fetch(`${server.url}/crash`);
  };
  await expect(backend.waitReady(spec(), crashes, never)).rejects.toMatchObject({
    code: "SERVER_EXITED",
    message: expect.stringContaining("status 3"),
  });
});

test("waiting stops when it is told to", async () => {
  const { backend, spec } = makeBench();
  const stop = new AbortController();
  await backend.ensure(spec(["--never"]));
  const waiting = backend.waitReady(spec(["--never"]), completes, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: "SERVER_WAIT_ABORTED" });
});

test("a server that ignores SIGTERM is killed after its time", async () => {
  const { backend, spec } = makeBench();
  const stubborn = spec(["--ignore-sigterm"], { stopTimeoutSeconds: 0.2 });
  const { server } = await backend.waitReady(stubborn, completes, never);
  await backend.remove(stubborn);
  expect(readProcess(server.pid ?? 0)).toBeUndefined();
});

test.each([
  ["that carry our token", []],
  ["that do not, once they were seen", ["--bare"]],
])("children go with their server, also those that left its group: %s", async (_, bare) => {
  const { backend, spec, folder } = makeBench();
  const file = join(folder, "children.json");
  const parent = spec(["--children", file, ...bare]);
  const { server } = await backend.waitReady(parent, completes, never);
  const children = JSON.parse(readFileSync(file, "utf8")) as number[];
  expect(children.map((pid) => readProcess(pid)?.pid)).toEqual(children);
  // The leader dies first, as when a person kills it: its children are found all the same.
  process.kill(server.pid ?? 0, "SIGKILL");
  await untilGone(server.pid ?? 0);
  await backend.remove(parent);
  expect(children.map((pid) => readProcess(pid))).toEqual([undefined, undefined]);
});

test("killAllNow leaves nothing, at once", async () => {
  const { backend, spec, folder, registryFolder } = makeBench();
  const file = join(folder, "children.json");
  const { server } = await backend.waitReady(spec(["--children", file]), completes, never);
  const pids = [server.pid ?? 0, ...(JSON.parse(readFileSync(file, "utf8")) as number[])];
  backend.killAllNow();
  expect(pids.map((pid) => readProcess(pid))).toEqual([undefined, undefined, undefined]);
  expect(readdirSync(registryFolder)).toEqual([]);
});

test("a server that died is started again by ensure, and that is counted", async () => {
  const { backend, spec } = makeBench();
  const { server } = await backend.waitReady(spec(), completes, never);
  process.kill(server.pid ?? 0, "SIGKILL");
  await untilGone(server.pid ?? 0);
  expect(await backend.inspect(spec())).toMatchObject({
    running: false,
    reason: expect.stringContaining("SIGKILL"),
  });
  const again = await backend.ensure(spec());
  expect(again.instance).not.toBe(server.instance);
  expect(await backend.inspect(spec())).toMatchObject({ running: true, restarts: 1 });
});

test("a server whose port was taken in between gets another one", async () => {
  const { backend, spec, folder } = makeBench();
  const file = join(folder, "starts");
  await backend.waitReady(spec(["--starts", file, "--taken", "2"]), completes, never);
  expect(readFileSync(file, "utf8")).toBe("xxx");
});

test("a server that never gets its port is given up after three tries", async () => {
  const { backend, spec, folder } = makeBench();
  const file = join(folder, "starts");
  const ready = backend.waitReady(spec(["--starts", file, "--taken", "9"]), completes, never);
  await expect(ready).rejects.toMatchObject({ code: "SERVER_PORT_TAKEN" });
  expect(readFileSync(file, "utf8")).toBe("xxx");
});

test("a stranger on the port is never taken for the server", async () => {
  const { backend, spec } = makeBench();
  const stranger = createServer((_, response) => response.end("{}"));
  let starts = 0;
  // The first time, a stranger listens on the port that the server was to have.
  const teller = await listen((port) => {
    starts++;
    if (starts > 1) return Promise.resolve("listen");
    return new Promise((resolve) => stranger.listen(port, "127.0.0.1", () => resolve("do not")));
  });
  onTestFinished(() => void stranger.close());
  const told = spec(["--tell", `http://127.0.0.1:${teller}`]);
  const { server } = await backend.waitReady(told, completes, never);
  expect(starts).toBe(2);
  expect(server.url).not.toContain(`:${(stranger.address() as AddressInfo).port}`);
  expect(isAlive(readProcess(server.pid ?? 0) ?? { pid: 0, started: "" })).toBe(true);
});

test("the log holds what the server said, and secrets are masked in what is shown", async () => {
  const { backend, spec, folder, registryFolder } = makeBench();
  const secret = "hf_verysecret";
  const leaky = spec(["--say", `token ${secret}`, "--show", "HF_TOKEN", "--key", secret], {
    env: { HF_TOKEN: secret },
    secretEnv: ["HF_TOKEN"],
  });
  const { server } = await backend.waitReady(leaky, completes, never);
  expect(await (await fetch(`${server.url}/env`)).text()).toBe(secret);
  expect(await backend.logs(leaky, 5)).toEqual(["token ***"]);
  const [file = ""] = readdirSync(registryFolder);
  expect(readFileSync(join(registryFolder, file), "utf8")).not.toContain(secret);
  expect(statSync(join(registryFolder, file)).mode & 0o077).toBe(0);
  expect(statSync(join(folder, "cell-a.log")).size).toBeGreaterThan(0);
});

test("a server does not inherit what its spec keeps from it", async () => {
  const { backend, spec } = makeBench();
  vi.stubEnv("SOME_API_KEY", "sk-of-this-shell");
  onTestFinished(() => void vi.unstubAllEnvs());
  const shown = async (withoutEnv: readonly string[]) => {
    const shy = spec(["--show", "SOME_API_KEY"], { withoutEnv, specHash: withoutEnv.join() });
    const { server } = await backend.waitReady(shy, completes, never);
    return await (await fetch(`${server.url}/env`)).text();
  };
  expect(await shown([])).toBe("sk-of-this-shell");
  await backend.remove(spec());
  expect(await shown(["SOME_API_KEY"])).not.toContain("sk-of-this-shell");
});

test.each([
  ["a command that is not there", { command: ["no-such-engine"] }, "SERVER_COMMAND_NOT_FOUND"],
  ["a file that may not be run", { command: [fakeServer] }, "SERVER_COMMAND_NOT_FOUND"],
  ["a folder that is not there", { cwd: "/no/such/folder" }, "SERVER_FOLDER_NOT_FOUND"],
])("%s is said before anything starts", async (_, more, code) => {
  const { backend, spec, registryFolder } = makeBench();
  await expect(backend.ensure(spec([], more))).rejects.toMatchObject({ code, hint: expect.any(String) });
  expect(existsSync(registryFolder)).toBe(false);
});

/** A control server of the test: each request's path is a port. */
async function listen(answer: (port: number) => Promise<string>): Promise<number> {
  const server: Server = createServer((request, response) => {
    void answer(Number(request.url?.slice(1))).then((text) => response.end(text));
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
