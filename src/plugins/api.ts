/**
 * All that a plugin may import, as `llm-inference-benchmark`. Its bundle leaves it out: the llmbench that runs the plugin
 * provides it.
 */
export { z } from "zod";
export type { EngineSettings, StepPlace } from "../config/plan.ts";
export type {
  EngineContainer,
  EngineSpec,
  LaunchInput,
  RequestDialect,
} from "../engines/spec.ts";
export { LlmbenchError } from "../error.ts";
export { defineEngine, type EngineDefinition } from "./define-engine.ts";
export {
  type Answer,
  defineStep,
  type PlainValue,
  type StepCell,
  type StepDefinition,
} from "./define-step.ts";
