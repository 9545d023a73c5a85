import { describe, expect, it } from "vitest";
import { launchWords, nsysProgram, sessionState, startWords } from "../../src/profiling/nsys-words.ts";
import { SecretScan } from "../../src/profiling/secret-scan.ts";
import { secretVariables } from "../../src/profiling/withheld.ts";

describe("nsys", () => {
  it("is on PATH, in a folder of this machine, of the share, or where an image's copy lies", () => {
    expect(nsysProgram({ kind: "path" })).toBe("nsys");
    expect(nsysProgram({ kind: "share", folder: "/opt/nsys/" })).toBe("/opt/nsys/bin/nsys");
    expect(nsysProgram({ kind: "share", folder: "tools/nsys" }, "/models")).toBe(
      "/models/tools/nsys/bin/nsys",
    );
    expect(nsysProgram({ kind: "image", image: "nsys:1", folder: "/opt" }, "/models")).toBe("/nsys/bin/nsys");
  });

  it("never gets an option that ends the server with the recording, or hides the kernels of graphs", () => {
    const words = launchWords("nsys", "s", ["cuda", "nvtx"], ["vllm", "serve"]);
    expect(words.slice(0, 2)).toEqual(["nsys", "launch"]);
    expect(words.slice(-2)).toEqual(["vllm", "serve"]);
    expect(words).toContain("--trace=cuda,nvtx");
    expect(words).toContain("--cuda-graph-trace=node");
    const all = [...words, ...startWords("nsys", "s", "/tmp/r")].join(" ");
    expect(all).not.toMatch(/profile|capture-range|duration|--kill|stop-on-exit/);
    expect(launchWords("nsys", "s", ["osrt"], []).join(" ")).not.toContain("cuda");
  });

  it("lists its sessions with their states", () => {
    const listing = `              ID         TIME                       STATE LAUNCH NAME
         1025491        00:02                  Collection      1 llmbench-b2
         1025492        00:02               Start Pending      1 llmbench-b3
`;
    expect(sessionState(listing, "llmbench-b2")).toBe("Collection");
    expect(sessionState(listing, "llmbench-b3")).toBe("Start Pending");
    expect(sessionState(listing, "llmbench-b")).toBeUndefined();
    expect(sessionState("", "llmbench-b2")).toBeUndefined();
  });
});

describe("variables that a profiled server is started without", () => {
  it("are secret by name, or hold an address with a password", () => {
    const env = {
      HF_TOKEN: "hf_x",
      PATH: "/bin",
      PIP_INDEX_URL: "https://me:pw@example.org/simple",
      HTTPS_PROXY: "http://proxy.example.org:3128",
      EMPTY_TOKEN: "",
      UNSET_TOKEN: undefined,
    };
    expect(secretVariables(env, (name) => name.endsWith("_TOKEN"))).toEqual(["HF_TOKEN", "PIP_INDEX_URL"]);
  });
});

describe("the search for secrets", () => {
  const search = (parts: readonly string[], secrets: readonly string[]) => {
    const scan = new SecretScan(secrets);
    for (const part of parts) scan.write(Buffer.from(part));
    return scan.found;
  };

  it("finds one that lies across two parts, or after one", () => {
    expect(search(["..hf_se", "cret.."], ["hf_secret"])).toBe(true);
    expect(search(["h", "f", "_", "s", "e", "c", "r", "e", "t"], ["hf_secret"])).toBe(true);
    expect(search(["..hf_secret..", "nothing"], ["hf_secret"])).toBe(true);
  });

  it("finds nothing that is not there, and looks for nothing that chance would find", () => {
    expect(search(["hf_se", "..cret"], ["hf_secret"])).toBe(false);
    expect(search(["true 1"], ["true", "1", ""])).toBe(false);
  });
});
