// A patch with a value of the wrong type
import { workflowTemplate } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

// @ts-expect-error
workflowTemplate("bench", { entry: measure, patch: { hostNetwork: "yes" } });
