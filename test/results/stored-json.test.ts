import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { LlmbenchError } from "../../src/error.ts";
import { diskFiles, readStored, storeJson, writeError } from "../../src/results/stored-json.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llmbench-stored-"));
});
afterEach(() => rm(folder, { recursive: true }));

const failure = (code: string): Error => Object.assign(new Error(`${code}: it did not work`), { code });
const Note = z.strictObject({
  schemaVersion: z.literal(1),
  text: z.string(),
  inner: z.strictObject({ n: z.number() }).optional(),
});

describe("writing", () => {
  it("makes the folders, ends with a line, and leaves no temporary file", async () => {
    const path = join(folder, "a", "b", "note.json");
    await storeJson(path, { schemaVersion: 1, text: "hi" });
    expect(await readFile(path, "utf8")).toBe('{\n  "schemaVersion": 1,\n  "text": "hi"\n}\n');
    expect(await readdir(join(folder, "a", "b"))).toEqual(["note.json"]);
  });

  it.each(["mkdir", "writeNew", "rename"] as const)(
    "that fails in %s leaves the old file whole and no temporary one",
    async (call) => {
      const path = join(folder, "note.json");
      await storeJson(path, { text: "old" });
      const broken = { ...diskFiles, [call]: () => Promise.reject(failure("ENOSPC")) };
      await expect(storeJson(path, { text: "new" }, broken)).rejects.toMatchObject({
        code: "RUN_FOLDER_FULL",
      });
      expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ text: "old" });
      expect(await readdir(folder)).toEqual(["note.json"]);
    },
  );

  it("that fills the disk half way leaves nothing of the new file", async () => {
    const path = join(folder, "note.json");
    const full = {
      ...diskFiles,
      writeNew: async (temporary: string, content: string) => {
        await writeFile(temporary, content.slice(0, 5));
        throw failure("ENOSPC");
      },
    };
    await expect(storeJson(path, { text: "new" }, full)).rejects.toMatchObject({ code: "RUN_FOLDER_FULL" });
    expect(await readdir(folder)).toEqual([]);
  });

  it("into a folder that is a file says so", async () => {
    await writeFile(join(folder, "runs"), "");
    await expect(storeJson(join(folder, "runs", "x", "run.json"), {})).rejects.toMatchObject({
      code: "RUN_FOLDER_UNWRITABLE",
    });
  });
});

describe("a write error", () => {
  it.each([
    ["ENOSPC", "RUN_FOLDER_FULL", "Free some space"],
    ["EDQUOT", "RUN_FOLDER_FULL", "Free some space"],
    ["EACCES", "RUN_FOLDER_UNWRITABLE", "the right to write"],
    ["EROFS", "RUN_FOLDER_UNWRITABLE", "mounted read-only"],
    ["EIO", "RUN_FOLDER_UNWRITABLE", "another folder"],
  ])("%s is %s with a path and a hint", (code, expected, hint) => {
    const error = writeError(failure(code), "/some/where.json");
    expect(error.code).toBe(expected);
    expect(error.message).toContain("/some/where.json");
    expect(error.hint).toContain(hint);
  });

  it("stays what it is when it is for a person already", () => {
    const known = new LlmbenchError("X", "x");
    expect(writeError(known, "/a")).toBe(known);
  });
});

describe("reading", () => {
  const path = (): string => join(folder, "note.json");
  const read = async (content: string) => {
    await writeFile(path(), content);
    return readStored(path(), Note);
  };

  it("gives back what was written", async () => {
    await storeJson(path(), { schemaVersion: 1, text: "hi" });
    expect(await readStored(path(), Note)).toEqual({ found: true, value: { schemaVersion: 1, text: "hi" } });
  });

  it("says of what is missing that it is missing", async () => {
    expect(await readStored(path(), Note)).toEqual({ found: false, missing: true, why: "is missing" });
    await writeFile(path(), "");
    expect(await readStored(join(path(), "deeper"), Note)).toMatchObject({ missing: true });
  });

  it.each(['{"schemaVersion": 1, "te', "", "\0\0\0"])(
    "says of the torn file %j that it is cut short",
    async (content) => {
      expect(await read(content)).toEqual({ found: false, missing: false, why: "is cut short or no JSON" });
    },
  );

  it("says where a file is not what it should be", async () => {
    expect(await read('{"schemaVersion": 1, "text": 5}')).toMatchObject({
      why: expect.stringContaining("at text"),
    });
    expect(await read("null")).toMatchObject({ found: false, missing: false });
    expect(await read('{"schemaVersion": 1, "text": "a", "inner": {"n": "x", "m": 1}}')).toMatchObject({
      why: expect.stringContaining("inner.n"),
    });
  });

  it("drops fields that a later llmbench added", async () => {
    expect(await read('{"schemaVersion": 1, "text": "a", "new": {}, "inner": {"n": 1, "m": 2}}')).toEqual({
      found: true,
      value: { schemaVersion: 1, text: "a", inner: { n: 1 } },
    });
  });

  it("leaves alone a file of a later schema version", async () => {
    expect(await read('{"schemaVersion": 2, "text": "a"}')).toMatchObject({
      found: false,
      why: expect.stringContaining("newer llmbench"),
    });
  });

  it("does not throw where a folder lies in the file's place", async () => {
    expect(await readStored(folder, Note)).toMatchObject({ found: false, missing: false });
  });
});
