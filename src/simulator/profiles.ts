import { EngineKind, type SimulatorProfile } from "../config/plan.ts";

/**
 * Invented profiles for who has no engine at hand. They are shaped like a small model on a fast GPU (four slots of a
 * CPU for llama.cpp) so that a report has something to show; they say nothing about how the real engines compare.
 */
const profiles: Record<EngineKind, SimulatorProfile> = {
  vllm: profile({ loadMs: 900, prefillMs: 9, decodeMs: 3.1, decodeMsPerSequence: 0.05, maxBatch: 256 }),
  sglang: profile({ loadMs: 800, prefillMs: 8, decodeMs: 2.9, decodeMsPerSequence: 0.06, maxBatch: 256 }),
  tgi: profile({ loadMs: 1000, prefillMs: 11, decodeMs: 3.6, decodeMsPerSequence: 0.08, maxBatch: 128 }),
  trtllm: profile({ loadMs: 1300, prefillMs: 7, decodeMs: 2.8, decodeMsPerSequence: 0.06, maxBatch: 256 }),
  lmdeploy: profile({ loadMs: 900, prefillMs: 9, decodeMs: 3, decodeMsPerSequence: 0.06, maxBatch: 256 }),
  nim: profile({ loadMs: 1200, prefillMs: 7, decodeMs: 2.7, decodeMsPerSequence: 0.07, maxBatch: 256 }),
  llamacpp: profile({
    loadMs: 300,
    prefillMs: 6,
    prefillMsPerToken: 0.2,
    decodeMs: 4.5,
    decodeMsPerSequence: 1.1,
    maxBatch: 4,
  }),
};

/** The invented latency model of one engine kind, for configs/simulated.yaml. Deliberately not a claim. */
export function defaultProfile(kind: string): SimulatorProfile {
  // An engine of a plugin is as good as any.
  return { ...(EngineKind.safeParse(kind).success ? profiles[kind as EngineKind] : profiles.vllm) };
}

/** A model without any latency: for tests of what is said, not when. */
export const instantProfile: SimulatorProfile = {
  loadMs: 0,
  prefillMs: 0,
  prefillMsPerToken: 0,
  decodeMs: 0,
  decodeMsPerSequence: 0,
  maxBatch: 1024,
  jitter: 0,
};

function profile(
  given: Omit<SimulatorProfile, "jitter" | "prefillMsPerToken"> & Partial<SimulatorProfile>,
): SimulatorProfile {
  return { prefillMsPerToken: 0.02, jitter: 0.04, ...given };
}
