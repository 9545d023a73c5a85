// A run with an argument that its template does not know
import { workflow, workflowTemplate } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

const bench = workflowTemplate("bench", { entry: measure });
// @ts-expect-error
workflow("bench-once", { of: bench, arguments: { url: "http://server", request: 3 } });
