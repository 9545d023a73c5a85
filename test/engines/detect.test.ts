import { expect, test } from "vitest";
import { chooseModel, detectServer, type Get } from "../../src/engines/detect.ts";
import { type CaptureFolder, loadCapture } from "../fixtures/captures.ts";

const files: Readonly<Record<string, string>> = {
  "/v1/models": "models",
  "/version": "get_version",
  "/info": "get_info",
  "/get_server_info": "get_get_server_info",
  "/props": "get_props",
};

/** A server that answers as the captured one did, and 404 to what was not captured. */
function capturedServer(folder: CaptureFolder): Get {
  const prefix = folder === "transformers-serve" ? "5.19-" : "";
  return async (path) => {
    const file = files[path];
    if (file === undefined) return { status: 404, headers: {}, text: "" };
    const answer = loadCapture(folder, `${prefix}${file}`).response.toString("latin1");
    const split = answer.indexOf("\r\n\r\n");
    const [statusLine = "", ...headerLines] = answer.slice(0, split).split("\r\n");
    const headers = headerLines.map((line) => line.split(/:\s*/, 2) as [string, string]);
    return {
      status: Number(statusLine.split(" ")[1]),
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
      text: answer.slice(split + 4),
    };
  };
}

const json = (value: unknown) => ({ status: 200, headers: {}, text: JSON.stringify(value) });
const absent = { status: 404, headers: {}, text: "" };

test.each([
  ["vllm-0.32", "vllm", "0.32.0", "vllm"],
  ["sglang-0.4.7", "sglang", "0.4.7", "sglang-0.4.7"],
  ["sglang-0.5.23", "sglang", "0.5.23", "sglang"],
  ["tgi-2.4.1", "tgi", "2.4.1", "tgi-2.4.1"],
  ["tgi-3.3.7", "tgi", "3.3.6-dev0", "tgi"],
  ["llamacpp", "llamacpp", undefined, "llamacpp"],
  ["llama-cpp-python-0.3.36", "openai", undefined, "openai"],
  ["transformers-serve", "openai", undefined, "openai"],
] as const)("a real %s is recognised as %s %s", async (folder, engine, version, dialect) => {
  const found = await detectServer(capturedServer(folder), "auto");
  expect({ engine: found.engine, version: found.version, dialect: found.dialect.name }).toEqual({
    engine,
    version,
    dialect,
  });
  expect(JSON.stringify(found.reported)).not.toMatch(/api_key/);
});

test.each([
  ["tensorrt_llm", "trtllm", "1.2.1"],
  ["lmdeploy", "lmdeploy", undefined],
] as const)("a server whose model is owned by %s is recognised as %s %s", async (owner, engine, version) => {
  const get: Get = async (path) => {
    if (path === "/v1/models") return json({ data: [{ id: "m", owned_by: owner }] });
    return path === "/version" && version !== undefined ? json({ version }) : absent;
  };
  const found = await detectServer(get, "auto");
  expect({ engine: found.engine, version: found.version, dialect: found.dialect.name }).toEqual({
    engine,
    version,
    dialect: engine,
  });
});

test("vLLM 0.6.4 is told from later ones by its version", async () => {
  const get: Get = async (path) =>
    path === "/version"
      ? json({ version: "0.6.4.post1" })
      : path === "/v1/models"
        ? json({ data: [] })
        : absent;
  expect((await detectServer(get, "auto")).dialect.name).toBe("vllm-0.6.4");
});

test("NIM is recognised although an engine answers inside it", async () => {
  const get: Get = async (path) => {
    if (path === "/v1/version") return json({ release: "1.8.6", api: "1.8.6" });
    if (path === "/v1/models") return json({ data: [{ id: "meta/llama3-8b-instruct", owned_by: "vllm" }] });
    return absent;
  };
  const found = await detectServer(get, "auto");
  expect(found).toMatchObject({ engine: "nim", version: "1.8.6", dialect: { name: "nim-1.8" } });
});

test("a gateway that only says owned_by vllm counts as the newest vLLM", async () => {
  const get: Get = async (path) =>
    path === "/v1/models" ? json({ data: [{ id: "m", owned_by: "vllm", max_model_len: 4096 }] }) : absent;
  const found = await detectServer(get, "auto");
  expect(found).toMatchObject({
    engine: "vllm",
    dialect: { name: "vllm" },
    models: [{ id: "m", maxLength: 4096 }],
  });
});

test("a named dialect holds whatever the server says, and is only asked for its version", async () => {
  const asked: string[] = [];
  const server = capturedServer("vllm-0.32");
  const found = await detectServer(async (path) => {
    asked.push(path);
    return server(path);
  }, "tgi");
  expect(found).toMatchObject({ engine: "tgi", dialect: { name: "tgi" } });
  expect(asked).toEqual(["/v1/models", "/info"]);
});

test("a server that wants a key says so", async () => {
  const get: Get = async () => ({ status: 401, headers: {}, text: "" });
  await expect(detectServer(get, "auto")).rejects.toMatchObject({ code: "SERVER_UNAUTHORIZED" });
});

test("nobody there is the caller's error", async () => {
  const get: Get = async () => {
    throw new Error("connect ECONNREFUSED");
  };
  await expect(detectServer(get, "auto")).rejects.toThrow("ECONNREFUSED");
});

test("garbage in place of JSON is no engine", async () => {
  const found = await detectServer(async () => ({ status: 200, headers: {}, text: "<html>" }), "auto");
  expect(found).toMatchObject({ engine: "openai", models: [] });
});

test("the only model is chosen, and nothing is guessed", () => {
  const url = "http://127.0.0.1:1";
  expect(chooseModel({ models: [{ id: "a" }] }, url)).toBe("a");
  expect(chooseModel({ models: [] }, url, "b")).toBe("b");
  expect(chooseModel({ models: [{ id: "a" }, { id: "b" }] }, url, "b")).toBe("b");
  expect(() => chooseModel({ models: [{ id: "a" }, { id: "b" }] }, url)).toThrow(
    expect.objectContaining({ code: "BENCH_SEVERAL_MODELS", details: ["a", "b"], exitStatus: 2 }),
  );
  expect(() => chooseModel({ models: [] }, url)).toThrow(expect.objectContaining({ code: "BENCH_NO_MODEL" }));
  expect(() => chooseModel({ models: [{ id: "a" }] }, url, "c")).toThrow(
    expect.objectContaining({ code: "BENCH_UNKNOWN_MODEL", hint: expect.stringContaining('"a"') }),
  );
});
