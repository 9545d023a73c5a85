import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeHub, sha256, startFakeHub, tinyModel } from "../hub/fake-hub.ts";
import { programPath } from "../program/program.ts";
import { llmbench } from "./llmbench.ts";

const first = "model-00001-of-00002.safetensors";
const second = "model-00002-of-00002.safetensors";
const token = "hf_verysecret";

let hub: FakeHub;
let cwd: string;
let env: Record<string, string>;

beforeEach(async () => {
  hub = await startFakeHub();
  hub.repos.set("owner/tiny", tinyModel());
  cwd = await mkdtemp(join(tmpdir(), "llmbench-models-"));
  env = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: token, NO_PROXY: "127.0.0.1,localhost" };
});
afterEach(async () => {
  await hub.close();
  await rm(cwd, { recursive: true, force: true });
});

const fetchTiny = (...more: string[]) =>
  llmbench(["models", "fetch", "owner/tiny", "--to", "share/tiny", ...more], { cwd, env });

function sentOf(path: string): number {
  return hub.served.filter((one) => one.path === path).reduce((sum, { sent }) => sum + sent, 0);
}

function bytesOf(path: string): Buffer {
  return Buffer.from(tinyModel().files[path] ?? "");
}

/** What lies on the share of a file that is not whole. */
function partOf(path: string): number {
  const file = join(cwd, "share/tiny/.llmbench-partial", `sha256-${sha256(bytesOf(path))}`);
  return existsSync(file) ? statSync(file).size : 0;
}

describe("llmbench models", () => {
  it("fetches a model, leaves a workflow its outputs and progress, and checks a copy", async () => {
    env["ARGO_PROGRESS_FILE"] = join(cwd, "progress");
    const fetched = await fetchTiny("--outputs", join(cwd, "outputs"));
    expect(fetched).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /: owner\/tiny at 0123456789ab, 7 files, 505\.2 kB, complete by checksum; 505\.2 kB fetched now\n$/,
      ),
    });
    expect(readFileSync(join(cwd, "progress"), "utf8")).toBe("1/1\n");
    expect(await readdir(join(cwd, "outputs"))).toEqual(
      expect.arrayContaining(["repo", "commit", "files", "bytes", "receivedBytes"]),
    );
    expect(await readFile(join(cwd, "outputs/commit"), "utf8")).toBe(tinyModel().commit);
    const again = await fetchTiny("--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ files: 7, receivedBytes: 0 });

    const verify = () => llmbench(["models", "verify", "share/tiny"], { cwd });
    expect(await verify()).toMatchObject({
      status: 0,
      stdout: "share/tiny (owner/tiny at 0123456789ab): 7 files, 505.2 kB, all as SHA256SUMS says\n",
    });
    await truncate(join(cwd, "share/tiny", first), 1000);
    const cut = await verify();
    expect([cut.status, cut.stderr]).toEqual([1, expect.stringContaining(`${first}: 1.0 kB of 300.0 kB`)]);
  });

  it("killed half-way, goes on at the next call and fetches no byte twice", async () => {
    hub.faults.set(`cdn ${first}`, [{ kind: "hold", after: 120_000 }]);
    hub.faults.set(`cdn ${second}`, [{ kind: "hold", after: 70_000 }]);
    const child = await start(["models", "fetch", "owner/tiny", "--to", "share/tiny"]);
    await expect.poll(() => [partOf(first), partOf(second)], { timeout: 20_000 }).toEqual([120_000, 70_000]);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(existsSync(join(cwd, "share/tiny/.llmbench-partial/lock"))).toBe(true);

    const resumed = await fetchTiny();
    expect(resumed).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/going on after process \d+ on/),
    });
    const ranges = hub.served.filter(({ server, range }) => server === "cdn" && range !== undefined);
    expect(ranges.map(({ path, range }) => `${path} ${range}`).sort()).toEqual([
      `${first} bytes=120000-`,
      `${second} bytes=70000-`,
    ]);
    expect([sentOf(first), sentOf(second)]).toEqual([300_000, 200_000]);
    expect(await readdir(join(cwd, "share/tiny"))).not.toContain(".llmbench-partial");
    expect((await llmbench(["models", "verify", "share/tiny"], { cwd })).status).toBe(0);
  });

  it("told to stop, says how to go on", async () => {
    hub.faults.set(`cdn ${first}`, [{ kind: "hold", after: 120_000 }]);
    const child = await start(["models", "fetch", "owner/tiny", "--to", "share/tiny"]);
    let said = "";
    child.stderr?.on("data", (text: Buffer) => (said += text.toString()));
    await expect.poll(() => partOf(first), { timeout: 20_000 }).toBe(120_000);
    child.kill("SIGTERM");
    const [status] = (await once(child, "close")) as [number];
    expect([status, said]).toEqual([130, expect.stringContaining("the same command goes on from there")]);
    expect(existsSync(join(cwd, "share/tiny/.llmbench-partial/lock"))).toBe(false);
  });

  it("shows a token to nobody, whatever goes wrong", async () => {
    hub.repos.set("owner/tiny", { ...tinyModel(), gatedFor: `not-${token}` });
    const gated = await llmbench(["--verbose", "models", "fetch", "owner/tiny", "--to", "share/tiny"], {
      cwd,
      env,
    });
    expect([gated.status, gated.stderr]).toEqual([1, expect.stringContaining("(HUB_GATED)")]);
    expect(gated.stdout + gated.stderr).not.toContain(token);
  });

  it("goes through the proxy that the environment names", async () => {
    const target = new URL(hub.endpoint);
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      const host = request.url?.startsWith("hub.invalid") === true ? target.port : request.url?.split(":")[1];
      const upstream = connect(Number(host), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.pipe(socket).pipe(upstream);
      });
      for (const one of [upstream, socket]) one.on("error", () => undefined);
    });
    await listen(proxy);
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    env = {
      HF_ENDPOINT: "http://hub.invalid",
      HTTP_PROXY: address,
      http_proxy: address,
      NO_PROXY: "",
      no_proxy: "",
    };
    const fetched = await fetchTiny();
    proxy.closeAllConnections();
    proxy.close();
    expect(fetched.status).toBe(0);
    expect(tunnels).toContain("hub.invalid:80");
  });
});

async function start(words: readonly string[]): Promise<ChildProcess> {
  return spawn(process.execPath, [await programPath(), ...words], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}
