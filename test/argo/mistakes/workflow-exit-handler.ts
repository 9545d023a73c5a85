// An exit handler whose inputs the workflow does not have
import { workflowTemplate } from "../../../src/argo/index.ts";
import { measure, teardown } from "./steps.ts";

workflowTemplate("bench", {
  entry: measure,
  // @ts-expect-error
  onExit: teardown,
});
