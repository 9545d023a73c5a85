import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectModel } from "../../src/engines/model-files.ts";
import { LlmbenchError } from "../../src/error.ts";
import { type FetchedModel, type FetchModelOptions, fetchModel } from "../../src/hub/fetch-model.ts";
import { folderError } from "../../src/hub/folder-error.ts";
import { verifyModel } from "../../src/hub/verify-model.ts";
import { type FakeHub, sha256, signature, startFakeHub, tinyModel, weights } from "./fake-hub.ts";

const repo = "owner/tiny";
/** This machine may be busy with other things. */
const soon = { timeout: 20_000 };
const first = "model-00001-of-00002.safetensors";
const usual = [
  "LICENSE",
  "config.json",
  "model-00001-of-00002.safetensors",
  "model-00002-of-00002.safetensors",
  "model.safetensors.index.json",
  "tokenizer.json",
  "tokenizer.model",
];

let hub: FakeHub;
let root: string;
let folder: string;
let lines: string[];
let pauses: number[];

beforeEach(async () => {
  hub = await startFakeHub();
  hub.repos.set(repo, tinyModel());
  root = mkdtempSync(join(tmpdir(), "llmbench-hub-"));
  folder = join(root, "tiny");
  lines = [];
  pauses = [];
});
afterEach(async () => {
  await hub.close();
  rmSync(root, { recursive: true, force: true });
});

function fetchTiny(options: Partial<FetchModelOptions> = {}): Promise<FetchedModel> {
  return fetchModel({
    repo,
    folder,
    endpoint: hub.endpoint,
    env: {},
    signal: new AbortController().signal,
    report: (line) => lines.push(line),
    pause: async (seconds) => void pauses.push(seconds),
    ...options,
  });
}

async function failing(action: Promise<unknown>): Promise<LlmbenchError> {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof LlmbenchError) return error;
  throw error ?? new Error("it did not fail");
}

/** Content that came over the network for one file, in bytes. */
function sentOf(path: string): number {
  return hub.served.filter((one) => one.path === path).reduce((sum, { sent }) => sum + sent, 0);
}

/**
 * What was on its way through Node when the connection ended is dropped with it: a stream's buffer and a read of a
 * socket, 64 KiB each. No more than that may come twice for an interruption.
 */
const onItsWay = 2 * 65_536;

function expectOnce(path: string, interruptions: number): void {
  const size = content(path).length;
  expect(sentOf(path)).toBeGreaterThanOrEqual(size);
  expect(sentOf(path)).toBeLessThanOrEqual(size + interruptions * onItsWay);
}

function contentRequests(): string[] {
  return hub.served.filter(({ path }) => path !== "api").map(({ path }) => path);
}

const content = (path: string) => Buffer.from(hub.repos.get(repo)?.files[path] ?? "");

describe("fetching a model", () => {
  it("brings the usual files and says by checksum what they are", async () => {
    const fetched = await fetchTiny();
    expect(readdirSync(folder).sort()).toEqual([...usual, "SHA256SUMS", "llmbench-model.json"].sort());
    for (const path of usual) expect(readFileSync(join(folder, path)).equals(content(path))).toBe(true);
    expect(readFileSync(join(folder, "SHA256SUMS"), "utf8")).toBe(
      usual.map((path) => `${sha256(content(path))}  ${path}\n`).join(""),
    );
    expect(JSON.parse(readFileSync(join(folder, "llmbench-model.json"), "utf8"))).toMatchObject({
      repo,
      revision: "main",
      commit: tinyModel().commit,
      files: usual.map((path) => ({ path, size: content(path).length, sha256: sha256(content(path)) })),
    });
    const bytes = usual.reduce((sum, path) => sum + content(path).length, 0);
    expect(fetched).toMatchObject({ files: usual.length, bytes, receivedBytes: bytes });
    const signal = new AbortController().signal;
    expect(await verifyModel({ folder, signal, report: () => undefined })).toMatchObject({ bytes });
  });

  it("checks all and fetches nothing when it is called again", async () => {
    await fetchTiny();
    hub.served.length = 0;
    expect(await fetchTiny()).toMatchObject({ files: usual.length, receivedBytes: 0 });
    expect(contentRequests()).toEqual([]);
  });

  it("reads only what changed since it was right, when it is told so", async () => {
    await fetchTiny();
    const wrong = Buffer.from(content(first));
    wrong[1000] = (wrong[1000] ?? 0) ^ 1;
    const spoil = () => writeFileSync(join(folder, first), wrong);
    renameSync(join(folder, first), join(root, "right"));
    spoil();
    // To the nanosecond, which Node cannot.
    execFileSync("touch", ["-r", join(root, "right"), join(folder, first)]);
    // Size and time say nothing of it: neither is touched by a disk that forgets.
    expect(await fetchTiny({ check: "changed" })).toMatchObject({ files: usual.length, receivedBytes: 0 });
    expect(await fetchTiny({ check: "all" })).toMatchObject({ receivedBytes: content(first).length });
    spoil();
    expect(await fetchTiny({ check: "changed" })).toMatchObject({ receivedBytes: content(first).length });
    expect(readFileSync(join(folder, first)).equals(content(first))).toBe(true);
  });

  it("reads all of another commit, whatever the times of its files are", async () => {
    await fetchTiny();
    const config = '{"model_type":"mamba"}'; // as long as before
    hub.repos.set(repo, { ...tinyModel({ "config.json": config }), commit: "f".repeat(40) });
    expect(await fetchTiny({ check: "changed" })).toMatchObject({ receivedBytes: config.length });
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe(config);
  });

  it("gives the same model hash wherever and whenever it was fetched", async () => {
    await fetchTiny();
    const other = join(root, "elsewhere");
    await fetchTiny({ folder: other, revision: tinyModel().commit });
    expect(inspectModel(other).hash).toBe(inspectModel(folder).hash);
  });

  it("mends what was changed since, and only that", async () => {
    await fetchTiny();
    const wrong = Buffer.from(content(first));
    wrong[1000] = (wrong[1000] ?? 0) ^ 1;
    writeFileSync(join(folder, first), wrong);
    hub.served.length = 0;
    expect(await fetchTiny()).toMatchObject({ receivedBytes: content(first).length });
    expect(contentRequests()).toEqual([first, first]); // the hub's redirect, and the content
    expect(readFileSync(join(folder, first)).equals(content(first))).toBe(true);
  });

  it("takes files that somebody copied there for what they are", async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, first), content(first));
    await fetchTiny();
    expect(contentRequests()).not.toContain(first);
  });
});

it("takes files with the same bytes for as many as they are", async () => {
  const same = Object.fromEntries(
    Array.from({ length: 6 }, (_, k) => [`same-${k}.safetensors`, weights(90_000)]),
  );
  hub.repos.set(repo, tinyModel(same));
  expect(await fetchTiny()).toMatchObject({ files: usual.length + 6 });
});

describe("an interruption", () => {
  it("by a lost connection is gone on with from where it happened", async () => {
    hub.faults.set(`cdn ${first}`, [{ kind: "reset", after: 200_000 }]);
    await fetchTiny();
    const [begun, resumed] = hub.served.filter((one) => one.server === "cdn" && one.path === first);
    expect([begun?.range, begun?.status, resumed?.status]).toEqual([undefined, 200, 206]);
    const from = Number(/^bytes=(\d+)-$/.exec(resumed?.range ?? "")?.[1]);
    expect(from).toBeLessThanOrEqual(200_000);
    expect(from).toBeGreaterThanOrEqual(200_000 - onItsWay);
    expectOnce(first, 1);
    expect(pauses).toEqual([1]);
  });

  it("by the caller keeps what there is", async () => {
    hub.faults.set(`cdn ${first}`, [{ kind: "hold", after: 65_536 }]);
    const stop = new AbortController();
    const partial = join(folder, ".llmbench-partial", `sha256-${sha256(content(first))}`);
    const running = failing(fetchTiny({ signal: stop.signal }));
    await expect.poll(() => existsSync(partial) && readFileSync(partial).length, soon).toBe(65_536);
    stop.abort();
    expect(await running).toMatchObject({ code: "INTERRUPTED", exitStatus: 130 });
    expect(existsSync(join(folder, "SHA256SUMS"))).toBe(false);
    await fetchTiny();
    expect(sentOf(first)).toBe(300_000);
  });

  it("of any number, at any byte, costs little twice and leaves the right bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 80_000 }), { maxLength: 4 }),
        fc.array(fc.integer({ min: 0, max: 80_000 }), { maxLength: 4 }),
        async (one, two) => {
          rmSync(folder, { recursive: true, force: true });
          hub.served.length = 0;
          const second = "model-00002-of-00002.safetensors";
          hub.faults.set(
            `cdn ${first}`,
            one.map((after) => ({ kind: "reset", after })),
          );
          hub.faults.set(
            `cdn ${second}`,
            two.map((after) => ({ kind: "reset", after })),
          );
          const { receivedBytes, bytes } = await fetchTiny();
          expect(receivedBytes).toBe(bytes);
          expectOnce(first, one.length);
          expectOnce(second, two.length);
          expect(readFileSync(join(folder, first)).equals(content(first))).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  it("that never ends is given up after six tries, and what was fetched is kept", async () => {
    hub.faults.set(
      `cdn ${first}`,
      Array.from({ length: 7 }, (_, k) => ({ kind: "reset", after: k === 0 ? 50_000 : 0 })),
    );
    const error = await failing(fetchTiny());
    expect(error.code).toBe("HUB_UNREACHABLE");
    expect(pauses).toEqual([1, 2, 4, 8, 16]);
    hub.faults.clear();
    await fetchTiny();
    expectOnce(first, 7);
  });
});

describe("a server that does not do what it should", () => {
  it("is given another chance for wrong bytes, and no more", async () => {
    const wrong = { kind: "bytes", content: weights(300_000, 99) } as const;
    hub.faults.set(`cdn ${first}`, [wrong]);
    await fetchTiny();
    expect(readFileSync(join(folder, first)).equals(content(first))).toBe(true);

    const other = join(root, "other");
    hub.faults.set(`cdn ${first}`, [wrong, wrong]);
    const error = await failing(fetchTiny({ folder: other }));
    expect(error.code).toBe("HUB_WRONG_BYTES");
    expect(existsSync(join(other, first))).toBe(false);
    expect(existsSync(join(other, "SHA256SUMS"))).toBe(false);
  });

  it("may send more or less than the file has", async () => {
    hub.faults.set(`cdn ${first}`, [
      { kind: "bytes", content: weights(300_500, 2) },
      { kind: "bytes", content: weights(299_000, 2) },
      { kind: "bytes", content: weights(299_000, 2) },
    ]);
    const progress: [number, number][] = [];
    const { bytes } = await fetchTiny({ onProgress: (done, of) => progress.push([done, of]) });
    expect(readFileSync(join(folder, first)).equals(content(first))).toBe(true);
    expect(progress.at(-1)).toEqual([bytes, bytes]);
  });

  it("may take no notice of Range", async () => {
    hub.faults.set(`cdn ${first}`, [{ kind: "reset", after: 100_000 }, { kind: "whole" }]);
    await fetchTiny();
    expect(sentOf(first)).toBe(400_000);
    expect(readFileSync(join(folder, first)).equals(content(first))).toBe(true);
  });

  it("is not listened to when it names another checksum for a file than in its list", async () => {
    hub.faults.set(`hub ${first}`, [{ kind: "linked-etag", value: "a".repeat(64) }]);
    expect((await failing(fetchTiny())).code).toBe("HUB_WRONG_BYTES");
    expect([existsSync(join(folder, first)), pauses]).toEqual([false, []]);
  });

  it("is waited for as long as it says when it limits requests", async () => {
    const limited = (headers: Record<string, string>) => ({ kind: "status", status: 429, headers }) as const;
    hub.faults.set("hub api", [limited({ "retry-after": "7" })]);
    hub.faults.set(`hub ${first}`, [
      limited({
        ratelimit: '"resolvers";r=0;t=55',
        "ratelimit-policy": '"fixed window";"resolvers";q=3000;w=300',
      }),
    ]);
    await fetchTiny();
    expect(pauses).toEqual([8, 56]);
  });

  it("is not waited for when that would take an hour", async () => {
    hub.faults.set("hub api", [{ kind: "status", status: 429, headers: { "retry-after": "3600" } }]);
    expect(await failing(fetchTiny())).toMatchObject({
      code: "HUB_RATE_LIMITED",
      hint: expect.stringContaining("3601 s"),
    });
  });

  it("is asked again when it is in trouble, and named when it stays so", async () => {
    const trouble = { kind: "status", status: 503 } as const;
    hub.faults.set("hub api", [trouble, trouble]);
    await fetchTiny();
    expect(pauses).toEqual([1, 2]);
    hub.faults.set(
      `cdn ${first}`,
      Array.from({ length: 6 }, () => trouble),
    );
    const error = await failing(fetchTiny({ folder: join(root, "other") }));
    expect(error.code).toBe("HUB_FAILED");
    expect(error.message).toContain("503");
    expect(error.message).not.toContain(signature);
  });

  it("cannot lead out of the folder", async () => {
    for (const path of ["../evil.json", "/etc/evil.json", "a/../../evil.json", "a\\b.json", "a\nb.json"]) {
      hub.repos.set(repo, tinyModel({ [path]: "x" }));
      expect((await failing(fetchTiny())).code).toBe("HUB_PATH_UNSAFE");
    }
    expect(existsSync(folder)).toBe(false);
  });

  it("cannot be a mirror that names no checksums", async () => {
    hub.repos.set(repo, { ...tinyModel(), claims: { "config.json": { blobId: null } } });
    const error = await failing(fetchTiny());
    expect([error.code, error.message]).toEqual([
      "HUB_ANSWER_INVALID",
      expect.stringContaining("config.json"),
    ]);
  });

  it("is not taken for a hub when it is none", async () => {
    hub.faults.set("hub api", [{ kind: "status", status: 200 }]);
    expect((await failing(fetchTiny())).code).toBe("HUB_ANSWER_INVALID");
  });

  it("is not asked twice when nobody vouches for it", async () => {
    const tls = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
    const server = createServer({ key: tls("key.pem"), cert: tls("cert.pem") });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const error = await failing(fetchTiny({ endpoint: `https://localhost:${port}` }));
    server.close();
    expect([error.code, error.hint, pauses]).toEqual([
      "HUB_UNREACHABLE",
      expect.stringContaining("NODE_EXTRA_CA_CERTS"),
      [],
    ]);
  });

  it("may be nobody at all", async () => {
    await hub.close();
    const error = await failing(fetchTiny());
    expect([error.code, pauses]).toEqual(["HUB_UNREACHABLE", [1, 2, 4, 8, 16]]);
    expect(error.message).toContain("ECONNREFUSED");
  });
});

describe("a token", () => {
  it("goes to the hub and never to the host that it sends us to", async () => {
    await fetchTiny({ env: { HF_TOKEN: "hf_secret\n" } });
    const seen = (server: "hub" | "cdn") =>
      new Set(hub.served.filter((one) => one.server === server).map((one) => one.authorization));
    expect(seen("hub")).toEqual(new Set(["Bearer hf_secret"]));
    expect(seen("cdn")).toEqual(new Set([undefined]));
    expect(lines.join("\n")).not.toContain("hf_secret");
    expect(readFileSync(join(folder, "llmbench-model.json"), "utf8")).not.toContain("hf_secret");
  });

  it("is asked for where a model is gated", async () => {
    hub.repos.set(repo, { ...tinyModel(), gatedFor: "hf_friend" });
    const without = await failing(fetchTiny());
    expect([without.code, without.hint]).toEqual([
      "HUB_GATED",
      expect.stringContaining("put it in HF_TOKEN"),
    ]);
    const stranger = await failing(fetchTiny({ env: { MINE: "hf_stranger" }, tokenEnv: "MINE" }));
    expect([stranger.code, stranger.hint]).toEqual([
      "HUB_GATED",
      expect.stringContaining("the token in MINE belongs to"),
    ]);
    expect(readdirSync(folder)).toEqual([]);
    await fetchTiny({ env: { MINE: "hf_friend" }, tokenEnv: "MINE" });
  });

  it("that the hub does not know is said to be so", async () => {
    const error = await failing(fetchTiny({ env: { HF_TOKEN: "hf_unknown" } }));
    expect([error.code, error.message]).toEqual(["HUB_TOKEN_REFUSED", expect.stringContaining("HF_TOKEN")]);
  });

  it("that was named must be there, and look like one", async () => {
    expect((await failing(fetchTiny({ tokenEnv: "MINE" }))).code).toBe("USAGE");
    const odd = await failing(fetchTiny({ env: { HF_TOKEN: "two words" } }));
    expect([odd.code, odd.message.includes("two words")]).toEqual(["USAGE", false]);
  });
});

describe("what a person may get wrong", () => {
  it("is named: model, revision, address", async () => {
    const code = async (options: Partial<FetchModelOptions>) => (await failing(fetchTiny(options))).code;
    expect(await code({ repo: "owner/tinny" })).toBe("HUB_REPO_NOT_FOUND");
    expect(await code({ revision: "mian" })).toBe("HUB_REVISION_NOT_FOUND");
    expect(await code({ repo: "https://huggingface.co/owner/tiny" })).toBe("USAGE");
    expect(await code({ repo: "owner/../tiny" })).toBe("USAGE");
    expect(await code({ endpoint: "huggingface.co" })).toBe("USAGE");
  });

  it("is the folder of another model", async () => {
    await fetchTiny();
    hub.repos.set("owner/other", tinyModel());
    expect(await failing(fetchTiny({ repo: "owner/other" }))).toMatchObject({
      code: "MODEL_FOLDER_OTHER",
      message: expect.stringContaining("owner/tiny"),
    });
  });

  it("is a folder that is none", async () => {
    writeFileSync(folder, "a file");
    expect((await failing(fetchTiny())).code).toBe("MODEL_FOLDER_FAILED");
    rmSync(folder);
    mkdirSync(folder);
    writeFileSync(join(folder, ".llmbench-partial"), "a file");
    expect((await failing(fetchTiny())).code).toBe("MODEL_FOLDER_FAILED");
  });

  it("is a disk without room, which is said before anything is fetched", async () => {
    hub.repos.set(repo, {
      ...tinyModel(),
      claims: { [first]: { lfs: { sha256: "a".repeat(64), size: 1e15, pointerSize: 140 } } },
    });
    const error = await failing(fetchTiny());
    expect([error.code, error.message]).toEqual([
      "MODEL_FOLDER_FULL",
      expect.stringMatching(/1000000\.\d GB are still to come/),
    ]);
    expect(contentRequests()).toEqual([]);
  });

  it.skipIf(process.platform !== "linux")("is a disk that becomes full", async () => {
    mkdirSync(join(folder, ".llmbench-partial"), { recursive: true });
    symlinkSync("/dev/full", join(folder, ".llmbench-partial", `sha256-${sha256(content(first))}`));
    const error = await failing(fetchTiny());
    expect([error.code, error.hint]).toEqual([
      "MODEL_FOLDER_FULL",
      expect.stringContaining("Free some space"),
    ]);
  });

  it.each([
    ["EROFS", "MODEL_FOLDER_READ_ONLY"],
    ["EACCES", "MODEL_FOLDER_UNWRITABLE"],
    ["EDQUOT", "MODEL_FOLDER_FULL"],
    ["EFBIG", "MODEL_FOLDER_FAILED"],
    ["EIO", "MODEL_FOLDER_FAILED"],
  ])("is a share that answers %s", (code, expected) => {
    const error = folderError(
      Object.assign(new Error(`${code}: no`), { code }),
      "/models/x",
    ) as LlmbenchError;
    expect([error.code, error.hint !== undefined]).toEqual([expected, true]);
  });
});

describe("another commit", () => {
  const next = {
    ...tinyModel({ [first]: weights(250_000, 50) }),
    commit: "f".repeat(40),
  };
  const { LICENSE: _gone, ...files } = next.files;

  it("takes the place of the one before: what is the same stays, what it lacks is removed", async () => {
    await fetchTiny();
    hub.repos.set(repo, { ...next, files });
    hub.served.length = 0;
    await fetchTiny();
    expect(new Set(contentRequests())).toEqual(new Set([first]));
    expect(existsSync(join(folder, "LICENSE"))).toBe(false);
    expect(lines).toContain("removed LICENSE, which this commit does not have");
    expect(readFileSync(join(folder, "SHA256SUMS"), "utf8")).not.toContain("LICENSE");
  });

  it("leaves no folder that calls itself whole while it is on its way", async () => {
    await fetchTiny();
    hub.repos.set(repo, { ...next, files });
    hub.faults.set(
      `cdn ${first}`,
      Array.from({ length: 6 }, () => ({ kind: "reset", after: 0 })),
    );
    await failing(fetchTiny());
    expect([existsSync(join(folder, "SHA256SUMS")), existsSync(join(folder, "llmbench-model.json"))]).toEqual(
      [false, false],
    );
    await fetchTiny();
    expect(existsSync(join(folder, "LICENSE"))).toBe(false);
  });

  it("is not meant by other patterns: files of the same commit come together", async () => {
    hub.repos.set(repo, tinyModel({ "a-Q4.gguf": weights(1000, 4), "b-Q8.gguf": weights(1000, 5) }));
    await fetchTiny({ include: ["*Q4.gguf"] });
    await fetchTiny({ include: ["*Q8.gguf"] });
    expect(readFileSync(join(folder, "SHA256SUMS"), "utf8").match(/\S+\.gguf/g)).toEqual([
      "a-Q4.gguf",
      "b-Q8.gguf",
    ]);
  });
});
