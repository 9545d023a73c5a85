import type { EngineKind } from "../config/plan.ts";
import { llamacpp } from "./llamacpp.ts";
import { lmdeploy } from "./lmdeploy.ts";
import { nim } from "./nim.ts";
import { openai } from "./openai.ts";
import { sglang } from "./sglang.ts";
import type { DialectName, EngineSpec, RequestDialect } from "./spec.ts";
import { tgi } from "./tgi.ts";
import { trtllm } from "./trtllm.ts";
import { vllm } from "./vllm.ts";

/** A new engine is a file of its own and a line here. */
export const engines: readonly EngineSpec[] = [vllm, sglang, tgi, nim, trtllm, lmdeploy, llamacpp];

export function engineSpec(kind: EngineKind): EngineSpec {
  const spec = engines.find((engine) => engine.kind === kind);
  if (spec === undefined) throw new Error(`no engine "${kind}" in src/engines/index.ts`);
  return spec;
}

/** How a server of this engine and version wants to be asked; no version is the newest. */
export function dialectFor(engine: EngineKind | "openai", version?: string): RequestDialect {
  return engine === "openai" ? openai : engineSpec(engine).dialect(version);
}

/** A version of each era whose requests differ. */
const eras: Readonly<Record<DialectName, () => RequestDialect>> = {
  "vllm-0.6.4": () => vllm.dialect("0.6.4"),
  vllm: () => vllm.dialect(undefined),
  "sglang-0.4.7": () => sglang.dialect("0.4.7"),
  sglang: () => sglang.dialect(undefined),
  "tgi-2.4.1": () => tgi.dialect("2.4.1"),
  tgi: () => tgi.dialect(undefined),
  "nim-1.8": () => nim.dialect("1.8"),
  nim: () => nim.dialect(undefined),
  trtllm: () => trtllm.dialect(undefined),
  lmdeploy: () => lmdeploy.dialect(undefined),
  llamacpp: () => llamacpp.dialect(undefined),
  openai: () => openai,
};

/** The dialect of a name, e.g. of one in a server.json. */
export function dialectNamed(name: DialectName): RequestDialect {
  return eras[name]();
}
