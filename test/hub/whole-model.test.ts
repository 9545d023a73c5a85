import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveModel } from "../../src/engines/models.ts";
import { fetchModel } from "../../src/hub/fetch-model.ts";
import { findIncomplete } from "../../src/hub/whole-model.ts";
import { type FakeHub, startFakeHub, tinyModel, weights } from "./fake-hub.ts";

const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const index = "model.safetensors.index.json";
const partials = ".llmbench-partial";

let hub: FakeHub;
let folder: string;
beforeEach(async () => {
  hub = await startFakeHub();
  hub.repos.set("owner/tiny", tinyModel());
  folder = mkdtempSync(join(tmpdir(), "llmbench-whole-"));
});
afterEach(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

const fetchTiny = (more: { revision?: string; include?: string[] } = {}) =>
  fetchModel({
    repo: "owner/tiny",
    folder,
    endpoint: hub.endpoint,
    env: {},
    signal: new AbortController().signal,
    report: () => undefined,
    pause: async () => undefined,
    ...more,
  });

describe("A model's folder", () => {
  it("is whole once it was fetched, also while somebody makes sure of it again", async () => {
    await fetchTiny();
    mkdirSync(join(folder, partials));
    writeFileSync(join(folder, partials, "lock"), "{}");
    expect(await findIncomplete(folder)).toEqual([]);
  });

  it("is not whole while it is fetched, nor while another commit is", async () => {
    const refused = () =>
      hub.faults.set(`cdn ${first}`, [
        { kind: "reset", after: 200_000 },
        { kind: "status", status: 403 },
      ]);
    refused();
    await expect(fetchTiny()).rejects.toMatchObject({ code: "HUB_TOKEN_REFUSED" });
    expect(await findIncomplete(folder)).toEqual([`${partials}: a fetch is not finished`]);
    await fetchTiny();
    hub.repos.set("owner/tiny", { ...tinyModel({ [first]: weights(300_000, 9) }), commit: "f".repeat(40) });
    refused();
    await expect(fetchTiny()).rejects.toMatchObject({ code: "HUB_TOKEN_REFUSED" });
    expect(await findIncomplete(folder)).toEqual([`${partials}: a fetch is not finished`]);
  });

  it("lacks what its record has, missing or of another size", async () => {
    await fetchTiny();
    rmSync(join(folder, "config.json"));
    writeFileSync(join(folder, second), "cut");
    expect(await findIncomplete(folder)).toEqual(["config.json: missing", `${second}: 3 B of 200.0 kB`]);
  });

  it("without a record lacks the rest of a set of shards, and not what a mere index names", async () => {
    writeFileSync(join(folder, index), tinyModel().files[index] ?? "");
    expect(await findIncomplete(folder)).toEqual([]);
    writeFileSync(join(folder, second), "two");
    expect(await findIncomplete(folder)).toEqual([`${first}: named by ${index}, missing`]);
  });

  it("of which a config names one GGUF file is looked at for that file only", async () => {
    hub.repos.set("owner/tiny", {
      ...tinyModel(),
      files: { "a.gguf": weights(900), "b.gguf": weights(500) },
    });
    await fetchTiny({ include: ["*.gguf"] });
    rmSync(join(folder, "b.gguf"));
    expect(await findIncomplete(join(folder, "a.gguf"))).toEqual([]);
    expect(await findIncomplete(join(folder, "b.gguf"))).toEqual(["b.gguf: missing"]);
  });

  it("that is not whole is served by no engine", async () => {
    await fetchTiny();
    rmSync(join(folder, second));
    const model = { id: "tiny", path: folder };
    await expect(resolveModel(model, "vllm", { report: () => undefined })).rejects.toMatchObject({
      code: "MODEL_INCOMPLETE",
      details: [`${second}: missing`],
    });
  });
});
