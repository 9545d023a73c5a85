// A run without the arguments that its template wants
import { workflow, workflowTemplate } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

const bench = workflowTemplate("bench", { entry: measure });
// @ts-expect-error
workflow("bench-once", { of: bench });
