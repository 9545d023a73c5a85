export type { Arguments } from "./arguments.ts";
export {
  above,
  allFailed,
  allOf,
  anyOf,
  anySucceeded,
  atLeast,
  atMost,
  below,
  type Condition,
  type Finished,
  failed,
  finished,
  is,
  isNot,
  type Outcome,
  type Phase,
  skipped,
  succeeded,
} from "./condition.ts";
export { dag } from "./dag.ts";
export {
  artifact,
  boolean,
  fromFile,
  type Inputs,
  listOf,
  number,
  type Outputs,
  oneOf,
  type Parameter,
  type PodOutputs,
  stdout,
  string,
  supplied,
} from "./declare.ts";
export { DefinitionError, type DefinitionErrorCode } from "./error.ts";
export { type Artifact, type Text, type TextLike, text, type Value } from "./handle.ts";
export { type Finding, formatFinding, type Place, type Rule, type Severity } from "./lint/finding.ts";
export { type LintOptions, lint, lintRules } from "./lint/lint.ts";
export { type Lock, mutex, semaphore } from "./lock.ts";
export { type ContainerOptions, container, type Mount, type Ran, script, suspend } from "./pod.ts";
export type { Retry } from "./pod-options.ts";
export type { ByteQuantity, CpuQuantity, Duration, Resources } from "./quantity.ts";
export { thisRun } from "./run.ts";
export {
  type ConfigMap,
  configMap,
  type EnvSource,
  field,
  resource,
  type Secret,
  scratch,
  secret,
  type Volume,
  volume,
} from "./sources.ts";
export type { DagBody, Hook, Task, TaskOptions, UnsureTask, WhenBody } from "./task.ts";
export { remote, type Template } from "./template.ts";
export {
  type ArgoObject,
  clusterWorkflowTemplate,
  cronWorkflow,
  type Manifest,
  workflow,
  workflowTemplate,
} from "./workflow.ts";
export { toYaml } from "./yaml.ts";
