import { ExitStatus, LlmbenchError } from "../error.ts";
import { llamacpp } from "./llamacpp.ts";
import { lmdeploy } from "./lmdeploy.ts";
import { nim } from "./nim.ts";
import { openai } from "./openai.ts";
import { sglang } from "./sglang.ts";
import type { DialectName, EngineMetrics, EngineSpec, RequestDialect } from "./spec.ts";
import { tgi } from "./tgi.ts";
import { trtllm } from "./trtllm.ts";
import { vllm } from "./vllm.ts";

/** A new engine is a file of its own and a line here. */
export const engines: readonly EngineSpec[] = [vllm, sglang, tgi, nim, trtllm, lmdeploy, llamacpp];

let added: readonly EngineSpec[] = [];

/** Those that llmbench has, and those of the plugins in use. */
export function listedEngines(): readonly EngineSpec[] {
  return [...engines, ...added];
}

/**
 * Takes the engines of a config's plugins into use, in the place of those of the config before: what one config adds is
 * unknown to the next. Throws PLUGIN_KIND_TAKEN.
 */
export function useEngines(specs: readonly EngineSpec[]): void {
  const taken = new Set(["openai", ...engines.map(({ kind }) => kind)]);
  for (const { kind } of specs) {
    if (taken.has(kind))
      throw new LlmbenchError("PLUGIN_KIND_TAKEN", `There is an engine ${kind} already.`, {
        exitStatus: ExitStatus.usage,
        hint: "Give the engine of your own another `kind`.",
      });
    taken.add(kind);
  }
  added = specs;
}

/** Throws ENGINE_UNKNOWN: a plan names an engine of a plugin that was not loaded. */
export function engineSpec(kind: string): EngineSpec {
  const spec = listedEngines().find((engine) => engine.kind === kind);
  if (spec !== undefined) return spec;
  throw new LlmbenchError("ENGINE_UNKNOWN", `There is no engine ${JSON.stringify(kind)}.`, {
    hint: "It is one of a plugin that is not here: name its file under `plugins` of the config.",
  });
}

/** How a server of this engine and version wants to be asked; no version is the newest. */
export function dialectFor(engine: string, version?: string): RequestDialect {
  return engine === "openai" ? openai : engineSpec(engine).dialect(version);
}

/** A version of each era whose requests differ, of its engine; none of a server of unknown make. */
const eras: Readonly<Record<DialectName, readonly [EngineSpec, string?] | undefined>> = {
  "vllm-0.6.4": [vllm, "0.6.4"],
  vllm: [vllm],
  "sglang-0.4.7": [sglang, "0.4.7"],
  sglang: [sglang],
  "tgi-2.4.1": [tgi, "2.4.1"],
  tgi: [tgi],
  "nim-1.8": [nim, "1.8"],
  nim: [nim],
  trtllm: [trtllm],
  lmdeploy: [lmdeploy],
  llamacpp: [llamacpp],
  openai: undefined,
};

/** The dialect of a name, e.g. of one in a server.json. */
export function dialectNamed(name: DialectName): RequestDialect {
  const [engine, version] = eras[name] ?? [];
  return engine === undefined ? openai : engine.dialect(version);
}

/** Names of the metrics of the engine that speaks a dialect; undefined of one of unknown make. */
export function metricsNamed(name: DialectName): EngineMetrics | undefined {
  return eras[name]?.[0].metrics;
}
